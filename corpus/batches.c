#include "corpus/batches.h"

#include "core/clock.h"
#include "corpus/ledger.h"

int64_t batches_next(struct corpus *c, struct error *error)
{
    int64_t v;
    return sql_scalar(corpus_sql(c), "SELECT ifnull(max(id), 0) + 1 FROM batch", &v, error) ? -1
                                                                                            : v;
}

int batches_put(struct corpus *c, const struct batches_row *b, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "INSERT INTO batch (id, teacher_id, run_id, tag, state, status, remote, input,"
                    " output, errors, message, lines, made_ms, ended_ms)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
                    " ON CONFLICT (id) DO UPDATE SET state = ?5, status = ?6, remote = ?7,"
                    " input = ?8, output = ?9, errors = ?10, message = ?11, ended_ms = ?14",
                    error);
    if (q == NULL)
        return -1;
    const struct slice texts[] = {b->tag,   b->state,  b->status, b->remote,
                                  b->input, b->output, b->errors, b->message};
    sql_bind_int(q, 1, b->id);
    sql_bind_int(q, 2, b->teacher_id);
    if (b->run_id != 0)
        sql_bind_int(q, 3, b->run_id);
    else
        sql_bind_null(q, 3);
    for (int i = 0; i < 8; i++)
        sql_bind_text(q, 4 + i, texts[i]);
    sql_bind_int(q, 12, b->lines);
    sql_bind_int(q, 13, b->made_ms);
    if (b->ended_ms != 0)
        sql_bind_int(q, 14, b->ended_ms);
    else
        sql_bind_null(q, 14);
    return sql_run(q, error);
}

int batches_open(struct corpus *c, batches_fn *fn, void *context, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT id, teacher_id, ifnull(run_id, 0), tag, state, status, remote, input,"
                    " output, errors, message, lines, made_ms, ifnull(ended_ms, 0) FROM batch"
                    " WHERE state NOT IN ('done', 'dropped') ORDER BY id",
                    error);
    int rc = -1, n = 0;
    while (q != NULL && (rc = sql_step(q, error)) == 1) {
        const struct batches_row b = {
            .id = sql_int(q, 0),
            .teacher_id = sql_int(q, 1),
            .run_id = sql_int(q, 2),
            .tag = sql_text(q, 3),
            .state = sql_text(q, 4),
            .status = sql_text(q, 5),
            .remote = sql_text(q, 6),
            .input = sql_text(q, 7),
            .output = sql_text(q, 8),
            .errors = sql_text(q, 9),
            .message = sql_text(q, 10),
            .lines = sql_int(q, 11),
            .made_ms = sql_int(q, 12),
            .ended_ms = sql_int(q, 13),
        };
        n++;
        if (fn(context, &b, error) != 0) {
            sql_reset(q);
            return -1;
        }
    }
    return rc < 0 ? -1 : n;
}

/* ---- lines ----------------------------------------------------------------------------------- */

int batches_line_put(struct corpus *c, int64_t batch, int64_t request, int64_t place,
                     struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "INSERT INTO batch_line (request_id, batch_id, place) VALUES (?1, ?2, ?3)",
                    error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, request);
    sql_bind_int(q, 2, batch);
    sql_bind_int(q, 3, place);
    return sql_run(q, error);
}

int batches_line_settle(struct corpus *c, int64_t batch, int64_t request, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "UPDATE batch_line SET settled = 1 WHERE request_id = ?1 AND batch_id = ?2",
                    error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, request);
    sql_bind_int(q, 2, batch);
    return sql_run(q, error);
}

int batches_lines(struct corpus *c, int64_t batch, batches_line_fn *fn, void *context,
                  struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT l.request_id, l.place, r.key, r.reserved_nusd, r.reserved_tokens,"
                    " r.tries FROM batch_line l INDEXED BY batch_line_open"
                    " JOIN request r ON r.id = l.request_id"
                    " WHERE l.batch_id = ?1 AND l.settled = 0",
                    error);
    int rc, n = 0;
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, batch);
    while ((rc = sql_step(q, error)) == 1) {
        struct slice key = sql_text(q, 2);
        struct batches_line l = {.request = sql_int(q, 0),
                                 .place = sql_int(q, 1),
                                 .nusd = sql_int(q, 3),
                                 .tokens = sql_int(q, 4),
                                 .tries = sql_int(q, 5)};
        if (key.len == 16)
            l.key = hash128_from_bytes((const unsigned char *)key.data);
        n++;
        if (fn(context, &l, error) != 0) {
            sql_reset(q);
            return -1;
        }
    }
    return rc < 0 ? -1 : n;
}

int batches_had(struct corpus *c, int64_t request, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT 1 FROM batch_line WHERE request_id = ?1 LIMIT 1", error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, request);
    int rc = sql_step(q, error);
    sql_reset(q);
    return rc;
}

int batches_knows(struct corpus *c, const char *remote, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT 1 FROM batch WHERE remote = ?1 LIMIT 1", error);
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(remote));
    int rc = sql_step(q, error);
    sql_reset(q);
    return rc;
}

/* ---- giving up ------------------------------------------------------------------------------- */

static int give_back(void *context, const struct batches_line *l, struct error *error)
{
    return ledger_release(context, l->request, error);
}

int batches_drop(struct corpus *c, int64_t batch, const char *why, struct error *error)
{
    struct sql_stmt *lines, *b;
    if (batches_lines(c, batch, give_back, c, error) < 0)
        return -1;
    lines =
        sql_prepare(corpus_sql(c), "UPDATE batch_line SET settled = 1 WHERE batch_id = ?1", error);
    b = sql_prepare(corpus_sql(c),
                    "UPDATE batch SET state = 'dropped', message = ?2, ended_ms = ?3 WHERE id = ?1",
                    error);
    if (lines == NULL || b == NULL)
        return -1;
    sql_bind_int(lines, 1, batch);
    sql_bind_int(b, 1, batch);
    sql_bind_text(b, 2, slice_of(why));
    sql_bind_int(b, 3, clock_wall_ms());
    return sql_run(lines, error) != 0 || sql_run(b, error) != 0 ? -1 : 0;
}
