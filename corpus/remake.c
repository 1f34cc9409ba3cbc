#include "corpus/remake.h"

#include "core/vec.h"
#include "core/mem.h"
#include "corpus/verdicts.h"

#include <math.h>
#include <string.h>

static int update(struct corpus *c, const struct sample *s, const unsigned char *hash,
                  struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "UPDATE sample SET system = ?3, instruction = ?4, input = ?5, output = ?6,"
                    " reasoning = ?7, messages = ?8, finish_reason = ?9, meta = ?10, hash = ?11"
                    " WHERE request_id = ?1 AND choice = ?2 AND (hash <> ?11"
                    " OR ifnull(reasoning, '') <> ifnull(?7, '') OR ifnull(meta, '') <>"
                    " ifnull(?10, ''))",
                    error);
    if (q == NULL)
        return -1;
    const struct slice empty = SLICE("");
    sql_bind_int(q, 1, s->request_id);
    sql_bind_int(q, 2, s->choice);
    sql_bind_text(q, 3, s->system);
    sql_bind_text(q, 4, s->instruction.data != NULL ? s->instruction : empty);
    sql_bind_text(q, 5, s->input.data != NULL ? s->input : empty);
    sql_bind_text(q, 6, s->output.data != NULL ? s->output : empty);
    sql_bind_text(q, 7, s->reasoning);
    sql_bind_text(q, 8, s->messages);
    sql_bind_text(q, 9, s->finish_reason);
    sql_bind_text(q, 10, s->meta);
    sql_bind_blob(q, 11, hash, 16);
    if (sql_run(q, error) != 0)
        return -1;
    return sql_changes(corpus_sql(c)) != 0 ? 2 : 0;
}

/* The number of the row of this request and choice, 0 where there is none, -1. */
static int64_t find(struct corpus *c, int64_t request, int64_t choice, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT id FROM sample WHERE request_id = ?1 AND choice = ?2",
                    error);
    int64_t id = 0;
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, request);
    sql_bind_int(q, 2, choice);
    rc = sql_step(q, error);
    if (rc == 1) {
        id = sql_int(q, 0);
        sql_reset(q);
    }
    return rc < 0 ? -1 : id;
}

int remake_row(struct corpus *c, struct sample *s, struct error *error)
{
    unsigned char hash[16];
    int64_t id = find(c, s->request_id, s->choice, error);
    if (id < 0)
        return -1;
    if (id == 0)
        return samples_add(c, s, error);
    s->id = id;
    hash128_bytes(samples_hash(s), hash);
    if (verdicts_withdraw(c, id, "reparsed", error) != 0)
        return -1;
    return update(c, s, hash, error);
}

static int outrule(struct corpus *c, int64_t sample, const char *rule, struct slice why,
                   struct error *error)
{
    const struct verdict v = {.sample_id = sample,
                              .rule = rule,
                              .version = 1,
                              .action = VERDICT_REMOVE,
                              .value = (double)NAN,
                              .threshold = (double)NAN,
                              .similarity = (double)NAN,
                              .why = why};
    return verdicts_put(c, &v, error);
}

struct found {
    int64_t id, choice;
};

/* All rows of the request; *n of them, allocated. */
static struct found *rows_of(struct corpus *c, int64_t request, size_t *n, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT id, choice FROM sample WHERE request_id = ?1", error);
    struct found *rows = mem_zero(1, sizeof *rows);
    size_t cap = 1;
    int rc = -1;
    *n = 0;
    if (q != NULL)
        sql_bind_int(q, 1, request);
    while (q != NULL && (rc = sql_step(q, error)) == 1) {
        rows = vec_reserve(rows, &cap, *n + 1, sizeof *rows);
        rows[(*n)++] = (struct found){sql_int(q, 0), sql_int(q, 1)};
    }
    if (rc >= 0)
        return rows;
    mem_free(rows);
    return NULL;
}

int remake_outrule(struct corpus *c, int64_t request, const int64_t *choices, size_t n,
                   struct error *error)
{
    size_t rows;
    struct found *all = rows_of(c, request, &rows, error);
    int outruled = 0;
    for (size_t i = 0; all != NULL && i < rows && outruled >= 0; i++) {
        size_t k = 0;
        while (k < n && choices[k] != all[i].choice)
            k++;
        if (k < n)
            continue;
        outruled++;
        if (outrule(c, all[i].id, "reparsed",
                    SLICE("the parser of today makes no row of this reply"), error) != 0)
            outruled = -1;
    }
    mem_free(all);
    return all != NULL ? outruled : -1;
}

int remake_supersede(struct corpus *c, int64_t request, struct error *error)
{
    size_t n;
    struct found *all = rows_of(c, request, &n, error);
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "UPDATE sample SET name = name || '.cut.' || request_id WHERE request_id = ?1",
                    error);
    int rc = all != NULL && q != NULL ? 0 : -1;
    if (rc == 0) {
        sql_bind_int(q, 1, request);
        rc = sql_run(q, error);
    }
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = outrule(c, all[i].id, "redone", SLICE("cut by max_tokens, and asked again"), error);
    mem_free(all);
    return rc;
}
