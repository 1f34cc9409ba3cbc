#include "corpus/samples.h"

#include "core/clock.h"
#include "corpus/masked.h"
#include "corpus/verdicts.h"

#include <stdlib.h>
#include <string.h>

#define KEPT                                                                                       \
    "(NOT EXISTS (SELECT 1 FROM verdict v WHERE v.sample_id = s.id AND v.action = 'remove')"       \
    " OR EXISTS (SELECT 1 FROM verdict h"                                                          \
    "            WHERE h.sample_id = s.id AND h.rule = 'human' AND h.action = 'keep'))"
#define COLUMNS                                                                                    \
    "s.id, s.name, s.source, s.request_id, s.choice, s.system, s.instruction, s.input, s.output,"  \
    " s.reasoning, s.messages, s.finish_reason, s.meta, s.added_ms, s.name_number"
/* As training and export take them: a masked text in the place of the original. */
#define MASKED(field)                                                                              \
    "coalesce((SELECT m.text FROM masked m WHERE m.sample_id = s.id AND m.field = '" field "'),"   \
    " s." field ")"
#define CLEAN_COLUMNS                                                                                           \
    "s.id, s.name, s.source, s.request_id, s.choice, " MASKED("system") ", " MASKED("instruction") ", " MASKED( \
        "input") ", " MASKED("output") ", s.reasoning, " MASKED("messages") ", s.finish_reason, "               \
                                                                            "s.meta, s.added_ms, "              \
                                                                            "s.name_number"
#define WALK(condition, kept)                                                                      \
    "SELECT " COLUMNS ", " kept " FROM sample s WHERE s.id > ?1" condition " ORDER BY s.id"

static struct hash128 add_field(struct hash128 h, struct slice field)
{
    unsigned char there = field.data != NULL;
    return hash128_add(hash128_add(h, &there, 1), field.data, field.len);
}

/* For the fields that a stored sample always has. */
static struct slice or_empty(struct slice s)
{
    return s.data != NULL ? s : SLICE("");
}

struct hash128 samples_hash(const struct sample *s)
{
    struct hash128 h = {0, 0};
    h = add_field(h, s->system);
    h = add_field(h, or_empty(s->instruction));
    h = add_field(h, or_empty(s->input));
    h = add_field(h, s->messages);
    return add_field(h, or_empty(s->output));
}

static void bind_request(struct sql_stmt *q, int i, int64_t request_id)
{
    if (request_id != 0)
        sql_bind_int(q, i, request_id);
    else
        sql_bind_null(q, i);
}

static void bind_sample(struct sql_stmt *q, const struct sample *s, const unsigned char *hash)
{
    sql_bind_text(q, 1, s->name);
    sql_bind_text(q, 2, or_empty(s->source));
    bind_request(q, 3, s->request_id);
    sql_bind_int(q, 4, s->choice);
    sql_bind_text(q, 5, s->system);
    sql_bind_text(q, 6, or_empty(s->instruction));
    sql_bind_text(q, 7, or_empty(s->input));
    sql_bind_text(q, 8, or_empty(s->output));
    sql_bind_text(q, 9, s->reasoning);
    sql_bind_text(q, 10, s->messages);
    sql_bind_text(q, 11, s->finish_reason);
    sql_bind_text(q, 12, s->meta);
    sql_bind_blob(q, 13, hash, 16);
    sql_bind_int(q, 14, s->added_ms != 0 ? s->added_ms : clock_wall_ms());
    sql_bind_int(q, 15, s->name_number);
}

/* Who is in the way of an insert. */
static int find_same(struct corpus *c, struct sample *s, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c),
                                     "SELECT id FROM sample WHERE name = ?1"
                                     " UNION ALL SELECT id FROM sample"
                                     " WHERE request_id = ?2 AND choice = ?3 LIMIT 1",
                                     error);
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, s->name);
    bind_request(q, 2, s->request_id);
    sql_bind_int(q, 3, s->choice);
    rc = sql_step(q, error);
    if (rc == 1) {
        s->id = sql_int(q, 0);
        sql_reset(q);
    }
    return rc < 0 ? -1 : 0;
}

int samples_add(struct corpus *c, struct sample *s, struct error *error)
{
    struct sql *sql = corpus_sql(c);
    unsigned char hash[16];
    struct sql_stmt *q = sql_prepare(
        sql,
        "INSERT INTO sample (name, source, request_id, choice, system, instruction, input, output,"
        " reasoning, messages, finish_reason, meta, hash, added_ms, name_number)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        " ON CONFLICT DO NOTHING",
        error);
    if (q == NULL)
        return -1;
    hash128_bytes(samples_hash(s), hash);
    bind_sample(q, s, hash);
    if (sql_run(q, error) != 0)
        return -1;
    if (sql_changes(sql) == 0)
        return find_same(c, s, error);
    s->id = sql_last_id(sql);
    if (s->request_id != 0 && corpus_tally(c, "sample.gen", 1, error) != 0)
        return -1;
    return 1;
}

static void fill(struct sql_stmt *q, struct sample *s)
{
    *s = (struct sample){
        .id = sql_int(q, 0),
        .name = sql_text(q, 1),
        .source = sql_text(q, 2),
        .request_id = sql_int(q, 3),
        .choice = sql_int(q, 4),
        .system = sql_text(q, 5),
        .instruction = sql_text(q, 6),
        .input = sql_text(q, 7),
        .output = sql_text(q, 8),
        .reasoning = sql_text(q, 9),
        .messages = sql_text(q, 10),
        .finish_reason = sql_text(q, 11),
        .meta = sql_text(q, 12),
        .added_ms = sql_int(q, 13),
        .name_number = sql_int(q, 14) != 0,
        .kept = sql_int(q, 15) != 0,
    };
}

/* Each row of a query whose ?1 is the number to begin behind, until fn has enough. */
static int walk(struct sql_stmt *q, int64_t after, void (*row)(struct sql_stmt *, struct sample *),
                samples_fn *fn, void *context, struct error *error)
{
    struct sample s;
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, after);
    while ((rc = sql_step(q, error)) == 1) {
        row(q, &s);
        rc = fn(context, &s, error);
        if (rc != 0) {
            sql_reset(q);
            return rc < 0 ? -1 : 0;
        }
    }
    return rc;
}

int samples_each(struct corpus *c, enum samples_which which, int64_t after, samples_fn *fn,
                 void *context, struct error *error)
{
    static const char *const text[] = {
        [SAMPLES_ALL] = WALK("", KEPT),
        [SAMPLES_KEPT] =
            "SELECT " CLEAN_COLUMNS ", 1 FROM sample s WHERE s.id > ?1 AND " KEPT " ORDER BY s.id",
        [SAMPLES_REMOVED] = WALK(" AND NOT " KEPT, "0"),
    };
    return walk(sql_prepare(corpus_sql(c), text[which], error), after, fill, fn, context, error);
}

static int64_t count_all(struct corpus *c, struct error *error)
{
    int64_t n;
    return sql_scalar(corpus_sql(c), "SELECT count(*) FROM sample", &n, error) == 0 ? n : -1;
}

/* What the rules look at. */
#define TEXT_COLUMNS                                                                               \
    "id, request_id, system, instruction, input, output, messages, finish_reason, meta"

static void fill_texts(struct sql_stmt *q, struct sample *s)
{
    *s = (struct sample){
        .id = sql_int(q, 0),
        .request_id = sql_int(q, 1),
        .system = sql_bytes(q, 2),
        .instruction = sql_bytes(q, 3),
        .input = sql_bytes(q, 4),
        .output = sql_bytes(q, 5),
        .messages = sql_bytes(q, 6),
        .finish_reason = sql_bytes(q, 7),
        .meta = sql_bytes(q, 8),
    };
}

int samples_texts(struct corpus *c, int64_t after, samples_fn *fn, void *context,
                  struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT " TEXT_COLUMNS " FROM sample WHERE id > ?1 ORDER BY id",
                    error);
    return walk(q, after, fill_texts, fn, context, error);
}

/* The row of a query whose ?1 is its number: 1 found, 0 there is none. */
static int one(struct sql_stmt *q, int64_t id, void (*row)(struct sql_stmt *, struct sample *),
               samples_fn *fn, void *context, struct error *error)
{
    struct sample s;
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, id);
    rc = sql_step(q, error);
    if (rc == 1) {
        row(q, &s);
        rc = fn(context, &s, error) < 0 ? -1 : 1;
        sql_reset(q);
    }
    return rc;
}

int samples_text(struct corpus *c, int64_t id, samples_fn *fn, void *context, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT " TEXT_COLUMNS " FROM sample WHERE id = ?1", error);
    return one(q, id, fill_texts, fn, context, error);
}

int64_t samples_count(struct corpus *c, enum samples_which which, struct error *error)
{
    int64_t all = 0, removed = 0;
    if (which != SAMPLES_REMOVED && (all = count_all(c, error)) < 0)
        return -1;
    if (which != SAMPLES_ALL && (removed = verdicts_removed(c, error)) < 0)
        return -1;
    return which == SAMPLES_REMOVED ? removed : all - removed;
}

/* A number in its plain form, or 0. */
static int64_t plain_number(const char *id)
{
    size_t n = strlen(id);
    if (n == 0 || n > 18 || strspn(id, "0123456789") != n)
        return 0;
    return strtoll(id, NULL, 10);
}

int64_t samples_id(struct corpus *c, const char *id, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c),
                                     "SELECT id FROM sample WHERE name = ?1"
                                     " UNION ALL SELECT id FROM sample WHERE id = ?2 LIMIT 1",
                                     error);
    int64_t found = 0;
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(id));
    sql_bind_int(q, 2, plain_number(id));
    rc = sql_step(q, error);
    if (rc == 1) {
        found = sql_int(q, 0);
        sql_reset(q);
    }
    return rc < 0 ? -1 : found;
}

int samples_get(struct corpus *c, int64_t id, samples_fn *fn, void *context, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT " COLUMNS ", " KEPT " FROM sample s WHERE s.id = ?1",
                    error);
    return one(q, id, fill, fn, context, error);
}

int samples_find(struct corpus *c, const char *id, samples_fn *fn, void *context,
                 struct error *error)
{
    int64_t number = samples_id(c, id, error);
    return number > 0 ? samples_get(c, number, fn, context, error) : (int)number;
}

int samples_digest(struct corpus *c, enum samples_which which, struct hash128 *out,
                   struct error *error)
{
    struct hash128 h = {0, 0};
    int64_t last, n = count_all(c, error);
    struct sql_stmt *q;
    int rc = 0;
    /* Samples are only ever added: how many and the last number say which there are. */
    if (n < 0 || sql_scalar(corpus_sql(c), "SELECT max(id) FROM sample", &last, error) != 0)
        return -1;
    h = hash128_add(hash128_add(h, &n, sizeof n), &last, sizeof last);
    if (which != SAMPLES_ALL) {
        q = sql_prepare(corpus_sql(c),
                        "SELECT DISTINCT sample_id FROM verdict v WHERE action = 'remove'"
                        " AND NOT EXISTS (SELECT 1 FROM verdict h WHERE h.sample_id = v.sample_id"
                        "                 AND h.rule = 'human' AND h.action = 'keep')"
                        " ORDER BY sample_id",
                        error);
        if (q == NULL)
            return -1;
        while ((rc = sql_step(q, error)) == 1) {
            int64_t id = sql_int(q, 0);
            h = hash128_add(h, &id, sizeof id);
        }
    }
    if (rc == 0 && which != SAMPLES_ALL)
        rc = masked_digest(c, &h, error);
    *out = h;
    return rc;
}

int samples_verify(struct corpus *c, void (*changed)(void *context, int64_t id), void *context,
                   struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT " COLUMNS ", 1, s.hash FROM sample s ORDER BY s.id",
                    error);
    unsigned char hash[16];
    struct sample s;
    int rc;
    if (q == NULL)
        return -1;
    while ((rc = sql_step(q, error)) == 1) {
        fill(q, &s);
        hash128_bytes(samples_hash(&s), hash);
        if (!slice_equal(sql_text(q, 16), slice_from(hash, sizeof hash)))
            changed(context, s.id);
    }
    return rc;
}
