#include "corpus/masked.h"

#include "corpus/sql.h"

int masked_put(struct corpus *c, int64_t sample_id, const char *field, struct slice text,
               struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "INSERT OR REPLACE INTO masked (sample_id, field, text) VALUES (?1, ?2, ?3)",
                    error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, sample_id);
    sql_bind_text(q, 2, slice_of(field));
    sql_bind_text(q, 3, text);
    return sql_run(q, error);
}

int masked_clear_after(struct corpus *c, int64_t after, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "DELETE FROM masked WHERE sample_id > ?1", error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, after);
    return sql_run(q, error);
}

int64_t masked_count(struct corpus *c, struct error *error)
{
    int64_t n;
    return sql_scalar(corpus_sql(c), "SELECT count(DISTINCT sample_id) FROM masked", &n, error) == 0
               ? n
               : -1;
}

int masked_digest(struct corpus *c, struct hash128 *h, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT sample_id, field, text FROM masked ORDER BY sample_id, field", error);
    int rc;
    if (q == NULL)
        return -1;
    while ((rc = sql_step(q, error)) == 1) {
        const int64_t id = sql_int(q, 0);
        const struct slice field = sql_text(q, 1), text = sql_text(q, 2);
        *h = hash128_add(*h, &id, sizeof id);
        *h = hash128_add(*h, field.data, field.len);
        *h = hash128_add(*h, text.data, text.len);
    }
    return rc;
}
