#include "corpus/status.h"

#include "core/clock.h"
#include "core/file.h"
#include "corpus/claim.h"
#include "corpus/rows.h"
#include "corpus/samples.h"
#include "corpus/verdicts.h"

#include <math.h>
#include <string.h>

static void put_tally(struct corpus *c, struct json *out, const char *name, const char *key)
{
    json_put_integer(out, name, corpus_tally_get(c, key));
}

static struct json *requests(struct corpus *c)
{
    struct json *out = json_new_object();
    json_put_integer(out, "total",
                     corpus_tally_get(c, "request.answered") +
                         corpus_tally_get(c, "request.failed") +
                         corpus_tally_get(c, "request.waiting"));
    put_tally(c, out, "answered", "request.answered");
    put_tally(c, out, "failed", "request.failed");
    put_tally(c, out, "waiting", "request.waiting");
    return out;
}

/* A query of two columns, name and number, as an object. */
static struct json *counts(struct corpus *c, const char *text, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c), text, error);
    struct json *out;
    struct buf name = BUF;
    int rc;
    if (q == NULL)
        return NULL;
    out = json_new_object();
    while ((rc = sql_step(q, error)) == 1) {
        buf_clear(&name);
        buf_slice(&name, sql_text(q, 0));
        json_put_integer(out, buf_text(&name), sql_int(q, 1));
    }
    buf_free(&name);
    if (rc == 0)
        return out;
    json_free(out);
    return NULL;
}

static struct json *tokens(struct corpus *c)
{
    struct json *out = json_new_object();
    put_tally(c, out, "input", "tokens.input");
    put_tally(c, out, "output", "tokens.output");
    return out;
}

/* The budget that the last gen run was given, from its recipe. */
static int put_budget(struct corpus *c, struct json *usd, struct error *error)
{
    struct json *last = NULL, *recipe;
    int rc = rows_first(c, "SELECT recipe FROM run WHERE stage = 'gen' ORDER BY id DESC LIMIT 1", 0,
                        &last, error);
    if (rc != 1)
        return rc;
    recipe = json_parse(json_string(json_get(last, "recipe")), 0, NULL);
    if (json_type(json_path(recipe, "gen.budget_usd")) == JSON_NUMBER)
        json_put(usd, "budget", json_copy(json_path(recipe, "gen.budget_usd")));
    json_free(recipe);
    json_free(last);
    return 0;
}

static struct json *money(struct corpus *c, struct error *error)
{
    struct json *out = json_new_object();
    json_put_number(out, "spent", (double)corpus_tally_get(c, "nusd.spent") / 1e9);
    json_put_number(out, "reserved", (double)corpus_tally_get(c, "nusd.reserved") / 1e9);
    if (put_budget(c, out, error) < 0) {
        json_free(out);
        return NULL;
    }
    return out;
}

/* Answers a second over the last minute, at most the last 5,000 answers. */
static int put_rate(struct corpus *c, struct json *gen, struct error *error)
{
    struct sql_stmt *q = sql_prepare(
        corpus_sql(c),
        "SELECT count(*), min(ended) FROM (SELECT started_ms + latency_ms AS ended FROM attempt"
        " WHERE cause IS NULL ORDER BY id DESC LIMIT 5000) WHERE ended > ?1",
        error);
    int64_t now = clock_wall_ms(), n, waiting = corpus_tally_get(c, "request.waiting");
    double seconds, rate;
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, now - 60000);
    if (sql_step(q, error) != 1)
        return -1;
    n = sql_int(q, 0);
    seconds = (double)(now - sql_int(q, 1)) / 1e3;
    sql_reset(q);
    if (n == 0)
        return 0;
    rate = (double)n / fmax(seconds, 0.1);
    json_put_number(gen, "replies_per_s", round(rate * 100) / 100);
    json_put_number(gen, "eta_s", round((double)waiting / rate));
    return 0;
}

static struct json *generation(struct corpus *c, struct error *error)
{
    struct json *out = json_new_object();
    bool running = claim_held(corpus_path(c), "gen");
    json_put_bool(out, "running", running);
    if (running && put_rate(c, out, error) != 0) {
        json_free(out);
        return NULL;
    }
    return out;
}

static struct json *rows(struct corpus *c, struct error *error)
{
    int64_t total = samples_count(c, SAMPLES_ALL, error);
    int64_t removed = total >= 0 ? samples_count(c, SAMPLES_REMOVED, error) : -1;
    struct json *out;
    if (removed < 0)
        return NULL;
    out = json_new_object();
    json_put_integer(out, "total", total);
    json_put_integer(out, "kept", total - removed);
    json_put_integer(out, "removed", removed);
    return out;
}

static int put(struct json *out, const char *key, struct json *value)
{
    json_put(out, key, value);
    return value != NULL ? 0 : -1;
}

static int put_gen(struct corpus *c, struct json *out, struct error *error)
{
    json_put(out, "requests", requests(c));
    if (put(out, "failures",
            counts(c,
                   "SELECT substr(key, 9), n FROM tally"
                   " WHERE key >= 'failure.' AND key < 'failure/' AND n <> 0",
                   error)) != 0)
        return -1;
    put_tally(c, out, "attempts", "attempt");
    json_put(out, "tokens", tokens(c));
    return put(out, "usd", money(c, error)) != 0 || put(out, "gen", generation(c, error)) != 0 ? -1
                                                                                               : 0;
}

/* From the tallies where they hold, else by a walk over the verdicts. */
static struct json *by_rule(struct corpus *c, bool removed, struct error *error)
{
    static const char *const text[2][2] = {
        {"SELECT rule, count(*) AS n FROM verdict WHERE action = 'flag'"
         " GROUP BY rule ORDER BY n DESC, rule",
         "SELECT rule, count(*) AS n FROM verdict WHERE action = 'remove'"
         " GROUP BY rule ORDER BY n DESC, rule"},
        {"SELECT substr(key, 9), n FROM tally WHERE key >= 'flagged.' AND key < 'flagged/'"
         " ORDER BY n DESC, key",
         "SELECT substr(key, 9), n FROM tally WHERE key >= 'removed.' AND key < 'removed/'"
         " ORDER BY n DESC, key"},
    };
    return counts(c, text[verdicts_settled(c)][removed], error);
}

static int put_rows(struct corpus *c, struct json *out, struct error *error)
{
    return put(out, "rows", rows(c, error)) != 0 ||
                   put(out, "removed_by_rule", by_rule(c, true, error)) != 0 ||
                   put(out, "flagged_by_rule", by_rule(c, false, error)) != 0
               ? -1
               : 0;
}

/* The numbers of an evaluation stand beside its name; the report and `eval` show the rest. */
static void flatten(struct json *evaluation)
{
    struct json *metrics = json_parse(json_string(json_get(evaluation, "metrics")), 0, NULL);
    json_remove(evaluation, "metrics");
    for (const struct json *m = json_first(metrics); m != NULL; m = json_next(m))
        if (json_type(m) == JSON_NUMBER && json_key(m) != NULL)
            json_put(evaluation, json_key(m), json_copy(m));
    json_free(metrics);
}

static int put_records(struct corpus *c, struct json *out, struct error *error)
{
    static const char *const lists[][2] = {
        {"teachers", "SELECT provider, endpoint, model, licence FROM teacher ORDER BY id"},
        {"batches", "SELECT * FROM (SELECT b.id, t.model, b.state, b.status, b.remote, b.lines,"
                    " (SELECT count(*) FROM batch_line l WHERE l.batch_id = b.id AND l.settled = 0)"
                    " AS waiting, b.made_ms, b.ended_ms, b.message FROM batch b JOIN teacher t"
                    " ON t.id = b.teacher_id ORDER BY b.id DESC LIMIT 20) ORDER BY id"},
        {"runs", "SELECT * FROM (SELECT id, stage, state, started_ms, ended_ms,"
                 " (ended_ms - started_ms) / 1e3 AS seconds, version FROM run"
                 " ORDER BY id DESC LIMIT 20) ORDER BY id"},
        {"checkpoints", "SELECT run_id, step, path FROM checkpoint ORDER BY id DESC LIMIT 5"},
        {"evaluations", "SELECT run_id, model, suite, metrics FROM evaluation WHERE id IN"
                        " (SELECT max(id) FROM evaluation GROUP BY model, suite)"
                        " ORDER BY id DESC LIMIT 20"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (put(out, lists[i][0], rows_array(c, lists[i][1], 0, error)) != 0)
            return -1;
    for (struct json *e = json_edit_first(json_edit(out, "evaluations")); e != NULL;
         e = json_edit_next(e))
        flatten(e);
    return 0;
}

/* The file and the log beside it. */
static uint64_t bytes_of(const char *path)
{
    struct buf log = BUF;
    uint64_t n = file_size(path);
    buf_printf(&log, "%s-wal", path);
    n += file_size(buf_text(&log));
    buf_free(&log);
    return n;
}

static int fill(struct corpus *c, struct json *out, struct error *error)
{
    json_put_text(out, "dataset", corpus_path(c));
    json_put_integer(out, "schema", CORPUS_VERSION);
    json_put_integer(out, "bytes", (int64_t)bytes_of(corpus_path(c)));
    return put_gen(c, out, error) != 0 || put_rows(c, out, error) != 0 ||
                   put_records(c, out, error) != 0
               ? -1
               : 0;
}

struct json *corpus_status(struct corpus *c, struct error *error)
{
    struct json *out = json_new_object();
    int rc;
    /* One read transaction, so that the sums agree while others write. */
    if (sql_exec(corpus_sql(c), "BEGIN", error) != 0) {
        json_free(out);
        return NULL;
    }
    rc = fill(c, out, error);
    (void)sql_exec(corpus_sql(c), "COMMIT", NULL);
    if (rc == 0)
        return out;
    json_free(out);
    return NULL;
}
