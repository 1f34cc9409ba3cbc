#include "corpus/verdicts.h"

#include "core/buf.h"

#include <string.h>

static const char *const action_names[] = {"remove", "flag", "keep"};

const char *verdicts_action_name(enum verdict_action action)
{
    return action_names[action];
}

static enum verdict_action action_of(struct slice name)
{
    if (slice_is(name, "remove"))
        return VERDICT_REMOVE;
    return slice_is(name, "keep") ? VERDICT_KEEP : VERDICT_FLAG;
}

static void bind_span(struct sql_stmt *q, int first, const struct verdict *v)
{
    sql_bind_text(q, first, slice_of(v->field));
    if (v->field == NULL)
        return; /* the offsets stay NULL */
    sql_bind_int(q, first + 1, v->span_from);
    sql_bind_int(q, first + 2, v->span_to);
}

/* The parameters of one verdict, from `first` on. */
static void bind(struct sql_stmt *q, int first, const struct verdict *v)
{
    sql_bind_int(q, first, v->sample_id);
    sql_bind_text(q, first + 1, slice_of(v->rule));
    sql_bind_int(q, first + 2, v->version);
    sql_bind_text(q, first + 3, slice_of(action_names[v->action]));
    sql_bind_real(q, first + 4, v->value);
    sql_bind_real(q, first + 5, v->threshold);
    bind_span(q, first + 6, v);
    if (v->match_id != 0)
        sql_bind_int(q, first + 9, v->match_id);
    sql_bind_real(q, first + 10, v->similarity);
    sql_bind_text(q, first + 11, v->why);
}

int verdicts_put(struct corpus *c, const struct verdict *v, struct error *error)
{
    return verdicts_put_all(c, v, 1, error);
}

#define INSERT_HEAD                                                                                \
    "INSERT OR REPLACE INTO verdict (sample_id, rule, version, action, value, threshold, field,"   \
    " span_from, span_to, match_id, similarity, why) VALUES "
#define ONE   "(?,?,?,?,?,?,?,?,?,?,?,?)"
#define EIGHT ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE "," ONE

enum { PARAMETERS = 12, TOGETHER = 32 };

/* Many rows a statement: each statement that may fail half-way costs SQLite a journal of its own. */
int verdicts_put_all(struct corpus *c, const struct verdict *v, size_t n, struct error *error)
{
    while (n > 0) {
        const size_t take = n >= TOGETHER ? TOGETHER : 1;
        struct sql_stmt *q = sql_prepare(corpus_sql(c),
                                         take > 1 ? INSERT_HEAD EIGHT "," EIGHT "," EIGHT "," EIGHT
                                                  : INSERT_HEAD ONE,
                                         error);
        if (q == NULL)
            return -1;
        for (size_t i = 0; i < take; i++)
            bind(q, 1 + (int)i * PARAMETERS, &v[i]);
        if (sql_run(q, error) != 0)
            return -1;
        v += take;
        n -= take;
    }
    return 0;
}

int verdicts_clear(struct corpus *c, const char *rule, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    rule != NULL ? "DELETE FROM verdict WHERE rule = ?1 AND rule <> 'human'"
                                 : "DELETE FROM verdict WHERE rule <> 'human'",
                    error);
    if (q == NULL)
        return -1;
    if (rule != NULL)
        sql_bind_text(q, 1, slice_of(rule));
    return sql_run(q, error);
}

int verdicts_withdraw(struct corpus *c, int64_t sample_id, const char *rule, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "DELETE FROM verdict WHERE sample_id = ?1 AND rule = ?2", error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, sample_id);
    sql_bind_text(q, 2, slice_of(rule));
    return sql_run(q, error);
}

/* The texts that the reader wants NUL-terminated are copied into `names`. */
static void fill(struct sql_stmt *q, struct buf *names, struct verdict *v)
{
    struct slice rule = sql_text(q, 1), field = sql_text(q, 6);
    buf_clear(names);
    buf_slice(names, rule);
    buf_char(names, '\0');
    buf_slice(names, field);
    *v = (struct verdict){
        .sample_id = sql_int(q, 0),
        .rule = names->data,
        .version = (int)sql_int(q, 2),
        .action = action_of(sql_text(q, 3)),
        .value = sql_real(q, 4),
        .threshold = sql_real(q, 5),
        .field = field.data != NULL ? names->data + rule.len + 1 : NULL,
        .span_from = sql_int(q, 7),
        .span_to = sql_int(q, 8),
        .match_id = sql_int(q, 9),
        .similarity = sql_real(q, 10),
        .why = sql_text(q, 11),
    };
}

#define COLUMNS                                                                                    \
    "sample_id, rule, version, action, value, threshold, field, span_from, span_to, match_id,"     \
    " similarity, why"

int verdicts_each(struct corpus *c, int64_t sample_id,
                  int (*fn)(void *context, const struct verdict *v, struct error *error),
                  void *context, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    sample_id != 0 ? "SELECT " COLUMNS
                                     " FROM verdict WHERE sample_id = ?1 ORDER BY sample_id, rule"
                                   : "SELECT " COLUMNS " FROM verdict ORDER BY sample_id, rule",
                    error);
    struct buf names = BUF;
    struct verdict v;
    int rc;
    if (q == NULL)
        return -1;
    if (sample_id != 0)
        sql_bind_int(q, 1, sample_id);
    while ((rc = sql_step(q, error)) == 1) {
        fill(q, &names, &v);
        rc = fn(context, &v, error);
        if (rc != 0) {
            sql_reset(q);
            rc = rc < 0 ? -1 : 0;
            break;
        }
    }
    buf_free(&names);
    return rc;
}

bool verdicts_settled(struct corpus *c)
{
    return corpus_tally_get(c, "verdicts.stale") == 0;
}

int verdicts_settle(struct corpus *c, struct error *error)
{
    if (verdicts_settled(c))
        return 0;
    if (corpus_begin(c, error) != 0)
        return -1;
    if (sql_exec(corpus_sql(c),
                 "DELETE FROM tally WHERE key LIKE 'removed.%' OR key LIKE 'flagged.%'"
                 " OR key LIKE 'verdicts.%';"
                 "INSERT INTO tally SELECT 'verdicts.removed', (" VERDICTS_REMOVED ");"
                 "INSERT INTO tally SELECT CASE action WHEN 'remove' THEN 'removed.'"
                 " ELSE 'flagged.' END || rule, count(*) FROM verdict"
                 " WHERE action IN ('remove', 'flag') GROUP BY action, rule;"
                 "INSERT INTO tally VALUES ('verdicts.stale', 0)",
                 error) != 0) {
        corpus_rollback(c);
        return -1;
    }
    return corpus_commit(c, error);
}

int64_t verdicts_removed(struct corpus *c, struct error *error)
{
    int64_t n;
    if (verdicts_settled(c))
        return corpus_tally_get(c, "verdicts.removed");
    return sql_scalar(corpus_sql(c), VERDICTS_REMOVED, &n, error) == 0 ? n : -1;
}

int scores_put(struct corpus *c, int64_t sample_id, const char *name, int version, double value,
               struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "INSERT OR REPLACE INTO score (sample_id, name, version, value)"
                    " VALUES (?1, ?2, ?3, ?4)",
                    error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, sample_id);
    sql_bind_text(q, 2, slice_of(name));
    sql_bind_int(q, 3, version);
    sql_bind_real(q, 4, value);
    return sql_run(q, error);
}

double scores_get(struct corpus *c, int64_t sample_id, const char *name)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT value FROM score WHERE sample_id = ?1 AND name = ?2",
                    NULL);
    double value = (double)NAN;
    if (q == NULL)
        return value;
    sql_bind_int(q, 1, sample_id);
    sql_bind_text(q, 2, slice_of(name));
    if (sql_step(q, NULL) == 1) {
        value = sql_real(q, 0);
        sql_reset(q);
    }
    return value;
}

int scores_clear(struct corpus *c, const char *name, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c), "DELETE FROM score WHERE name = ?1", error);
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(name));
    return sql_run(q, error);
}
