#include "corpus/answers.h"

#include "corpus/sql.h"

int answers_put(struct corpus *c, int64_t run, const struct answer *a, struct error *error)
{
    struct sql_stmt *q = sql_prepare(
        corpus_sql(c),
        "INSERT OR REPLACE INTO answer (key, run_id, model, reply, body, finish_reason,"
        " input_tokens, output_tokens, nusd, ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        error);
    unsigned char key[16];
    if (q == NULL)
        return -1;
    hash128_bytes(a->key, key);
    sql_bind_blob(q, 1, key, sizeof key);
    sql_bind_int(q, 2, run);
    sql_bind_text(q, 3, a->model);
    sql_bind_text(q, 4, a->reply);
    sql_bind_text(q, 5, a->body);
    sql_bind_text(q, 6, a->finish_reason);
    sql_bind_int(q, 7, a->input_tokens);
    sql_bind_int(q, 8, a->output_tokens);
    sql_bind_int(q, 9, a->nusd);
    sql_bind_int(q, 10, a->ms);
    return sql_run(q, error);
}

int answers_get(struct corpus *c, struct hash128 key,
                int (*fn)(void *context, const struct answer *a, struct error *error),
                void *context, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT model, reply, body, finish_reason, input_tokens, output_tokens, nusd,"
                    " ms FROM answer WHERE key = ?1",
                    error);
    unsigned char bytes[16];
    struct answer a = {.key = key};
    int found;
    if (q == NULL)
        return -1;
    hash128_bytes(key, bytes);
    sql_bind_blob(q, 1, bytes, sizeof bytes);
    found = sql_step(q, error);
    if (found == 1) {
        int status;
        a.model = sql_text(q, 0);
        a.reply = sql_text(q, 1);
        a.body = sql_text(q, 2);
        a.finish_reason = sql_text(q, 3);
        a.input_tokens = sql_int(q, 4);
        a.output_tokens = sql_int(q, 5);
        a.nusd = sql_int(q, 6);
        a.ms = sql_int(q, 7);
        status = fn(context, &a, error);
        if (status != 0)
            found = status;
    }
    sql_reset(q);
    return found;
}
