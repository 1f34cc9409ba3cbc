#include "corpus/judging.h"

#include <string.h>

int signatures_put(struct corpus *c, const char *kind, const struct signature_block *b,
                   struct error *error)
{
    struct sql_stmt *q = sql_prepare(
        corpus_sql(c),
        "INSERT INTO signature (kind, first, last, rows, data) VALUES (?1, ?2, ?3, ?4, ?5)", error);
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(kind));
    sql_bind_int(q, 2, b->first);
    sql_bind_int(q, 3, b->last);
    sql_bind_int(q, 4, b->rows);
    sql_bind_blob(q, 5, b->data, b->len);
    return sql_run(q, error);
}

int signatures_each(struct corpus *c, const char *kind,
                    int (*fn)(void *context, const struct signature_block *b, struct error *error),
                    void *context, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT first, last, rows, data FROM signature WHERE kind = ?1 ORDER BY first",
                    error);
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(kind));
    while ((rc = sql_step(q, error)) == 1) {
        const struct slice data = sql_text(q, 3);
        const struct signature_block b = {.first = sql_int(q, 0),
                                          .last = sql_int(q, 1),
                                          .rows = sql_int(q, 2),
                                          .data = data.data,
                                          .len = data.len};
        if (fn(context, &b, error) != 0) {
            sql_reset(q);
            return -1;
        }
    }
    return rc;
}

int signatures_prune(struct corpus *c, const char *kind, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c),
                                     "DELETE FROM signature WHERE kind <> ?1 AND"
                                     " substr(kind, 1, length(?2)) = ?2",
                                     error);
    const char *blank = strchr(kind, ' ');
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(kind));
    sql_bind_text(q, 2, slice_from(kind, blank != NULL ? (size_t)(blank - kind) : strlen(kind)));
    return sql_run(q, error);
}

int judging_standings(struct corpus *c,
                      int (*fn)(void *context, const struct standing *s, struct error *error),
                      void *context, struct error *error)
{
    struct sql_stmt *q = sql_prepare(
        corpus_sql(c),
        "SELECT sample_id, max(action = 'remove' AND rule NOT IN ('human', 'not_selected')),"
        " max(action = 'keep' AND rule = 'human'),"
        " max(action = 'remove' AND rule = 'human')"
        " FROM verdict WHERE action = 'remove' OR rule = 'human'"
        " GROUP BY sample_id ORDER BY sample_id",
        error);
    int rc;
    if (q == NULL)
        return -1;
    while ((rc = sql_step(q, error)) == 1) {
        const struct standing s = {.sample_id = sql_int(q, 0),
                                   .removed = sql_int(q, 1) != 0,
                                   .human_keep = sql_int(q, 2) != 0,
                                   .human_drop = sql_int(q, 3) != 0};
        if (fn(context, &s, error) != 0) {
            sql_reset(q);
            return -1;
        }
    }
    return rc;
}

int judging_clear_after(struct corpus *c, int64_t after, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "DELETE FROM verdict WHERE sample_id > ?1 AND rule <> 'human'",
                    error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, after);
    return sql_run(q, error);
}

int64_t judging_last_id(struct corpus *c, struct error *error)
{
    int64_t id = 0;
    if (sql_scalar(corpus_sql(c), "SELECT ifnull(max(id), 0) FROM sample", &id, error) != 0)
        return -1;
    return id;
}

/* Both are for one connection, and nothing outside a transaction reads them. */
static int by_row(struct corpus *c, bool on, struct error *error)
{
    sql_triggers(corpus_sql(c), on);
    return sql_exec(corpus_sql(c), on ? "PRAGMA foreign_keys = ON" : "PRAGMA foreign_keys = OFF",
                    error);
}

int judging_begin(struct corpus *c, struct error *error)
{
    if (by_row(c, false, error) == 0 && corpus_begin(c, error) == 0) {
        if (sql_exec(corpus_sql(c), "UPDATE tally SET n = 1 WHERE key = 'verdicts.stale'", error) ==
            0)
            return 0;
        corpus_rollback(c);
    }
    (void)by_row(c, true, NULL);
    return -1;
}

int judging_commit(struct corpus *c, struct error *error)
{
    const int rc = corpus_commit(c, error);
    return by_row(c, true, rc == 0 ? error : NULL) == 0 ? rc : -1;
}

void judging_rollback(struct corpus *c)
{
    corpus_rollback(c);
    (void)by_row(c, true, NULL);
}

int judging_hold(struct corpus *c, struct error *error)
{
    return sql_exec(corpus_sql(c), "BEGIN", error);
}

void judging_release(struct corpus *c)
{
    (void)sql_exec(corpus_sql(c), "COMMIT", NULL);
}

int judging_where(struct corpus *c, const struct judging_range *range,
                  int (*fn)(void *context, int64_t id, struct error *error), void *context,
                  struct error *error)
{
    struct buf text = BUF_MAX(1 << 20);
    struct sql_stmt *q;
    int rc;
    buf_printf(&text, "SELECT id FROM sample WHERE id > ?1 AND id <= ?2 AND (%s) ORDER BY id",
               range->expression);
    q = sql_prepare(corpus_sql(c), buf_text(&text), error);
    buf_free(&text);
    if (q == NULL)
        return error_wrap(error, "filter.rule.sql.where");
    sql_bind_int(q, 1, range->after);
    sql_bind_int(q, 2, range->last);
    while ((rc = sql_step(q, error)) == 1)
        if (fn(context, sql_int(q, 0), error) != 0) {
            sql_reset(q);
            return -1;
        }
    return rc;
}

int judging_strata(struct corpus *c, const char *expression,
                   int (*fn)(void *context, int64_t id, struct slice text, struct error *error),
                   void *context, struct error *error)
{
    struct buf text = BUF_MAX(1 << 20);
    struct sql_stmt *q;
    int rc;
    buf_printf(&text, "SELECT id, CAST((%s) AS TEXT) FROM sample ORDER BY id", expression);
    q = sql_prepare(corpus_sql(c), buf_text(&text), error);
    buf_free(&text);
    if (q == NULL)
        return error_wrap(error, "filter.select.stratum");
    while ((rc = sql_step(q, error)) == 1)
        if (fn(context, sql_int(q, 0), sql_text(q, 1), error) != 0) {
            sql_reset(q);
            return -1;
        }
    return rc != 0 ? error_wrap(error, "filter.select.stratum") : 0;
}

int judging_scores(struct corpus *c, const char *name, int version,
                   int (*fn)(void *context, int64_t id, double value), void *context,
                   struct error *error)
{
    struct sql_stmt *q = sql_prepare(
        corpus_sql(c),
        "SELECT sample_id, value FROM score WHERE name = ?1 AND (?2 = 0 OR version = ?2)"
        " ORDER BY sample_id",
        error);
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(name));
    sql_bind_int(q, 2, version);
    while ((rc = sql_step(q, error)) == 1)
        if (fn(context, sql_int(q, 0), sql_real(q, 1)) != 0) {
            sql_reset(q);
            return -1;
        }
    return rc;
}
