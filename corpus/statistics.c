#include "corpus/statistics.h"

#include "corpus/rows.h"

struct json *statistics_teachers(struct corpus *c, struct error *error)
{
    return rows_array(
        c,
        "WITH asked AS (SELECT teacher_id, count(*) AS requests,"
        "   count(*) FILTER (WHERE state = 'answered') AS answered,"
        "   count(*) FILTER (WHERE state = 'failed') AS failed FROM request GROUP BY teacher_id),"
        " paid AS (SELECT r.teacher_id, count(*) AS attempts, sum(a.input_tokens) AS input_tokens,"
        "   sum(a.output_tokens) AS output_tokens, sum(a.nusd) / 1e9 AS usd"
        "   FROM attempt a JOIN request r ON r.id = a.request_id GROUP BY r.teacher_id)"
        " SELECT t.provider, t.endpoint, t.model, t.licence, k.requests, k.answered, k.failed,"
        " p.attempts, p.input_tokens, p.output_tokens, p.usd FROM teacher t"
        " LEFT JOIN asked k ON k.teacher_id = t.id LEFT JOIN paid p ON p.teacher_id = t.id"
        " ORDER BY t.id",
        0, error);
}

struct json *statistics_latency(struct corpus *c, struct error *error)
{
    return rows_array(c,
                      "SELECT CASE WHEN latency_ms < 10000 THEN latency_ms"
                      " ELSE latency_ms / 100 * 100 END AS ms, count(*) AS n"
                      " FROM attempt WHERE cause IS NULL GROUP BY 1 ORDER BY 1",
                      0, error);
}

struct json *statistics_attempts(struct corpus *c, struct error *error)
{
    return rows_array(c,
                      "SELECT ifnull(cause, 'answered') AS cause, count(*) AS n,"
                      " sum(nusd) / 1e9 AS usd FROM attempt GROUP BY cause"
                      " ORDER BY cause IS NOT NULL, n DESC, cause",
                      0, error);
}

struct json *statistics_rules(struct corpus *c, struct error *error)
{
    return rows_array(
        c,
        "WITH alone AS (SELECT rule, count(*) AS n FROM (SELECT max(rule) AS rule FROM verdict"
        "   WHERE action = 'remove' GROUP BY sample_id HAVING count(*) = 1) GROUP BY rule)"
        " SELECT v.rule, count(*) FILTER (WHERE action = 'remove') AS n,"
        " ifnull((SELECT n FROM alone WHERE alone.rule = v.rule), 0) AS alone,"
        " count(*) FILTER (WHERE action = 'flag') AS flagged"
        " FROM verdict v WHERE action IN ('remove', 'flag') GROUP BY v.rule"
        " ORDER BY n DESC, flagged DESC, v.rule",
        0, error);
}

/* The rows of a statement whose parameters are bound. */
static struct json *all_rows(struct sql_stmt *q, struct error *error)
{
    struct json *rows = json_new_array();
    int rc;
    while ((rc = sql_step(q, error)) == 1)
        json_push(rows, rows_object(q, false));
    if (rc == 0)
        return rows;
    json_free(rows);
    return NULL;
}

struct json *statistics_removed(struct corpus *c, const char *rule, int limit, struct error *error)
{
    struct sql_stmt *q = sql_prepare(
        corpus_sql(c),
        "SELECT s.id, s.name, substr(s.instruction, 1, 400) AS instruction,"
        " substr(s.input, 1, 400) AS input, substr(s.output, 1, 400) AS output, v.value,"
        " v.threshold, v.similarity, v.why, v.match_id FROM verdict v"
        " JOIN sample s ON s.id = v.sample_id WHERE v.rule = ?1 AND v.sample_id IN"
        " (SELECT sample_id FROM verdict WHERE rule = ?1 AND action = 'remove'"
        "  ORDER BY sample_id * 2654435761 % 4294967296 LIMIT ?2) ORDER BY s.id",
        error);
    if (q == NULL)
        return NULL;
    sql_bind_text(q, 1, slice_of(rule));
    sql_bind_int(q, 2, limit);
    return all_rows(q, error);
}

struct json *statistics_scores(struct corpus *c, struct error *error)
{
    return rows_array(c,
                      "SELECT name, count(*) AS n, min(value) AS min, max(value) AS max,"
                      " avg(value) AS mean FROM score GROUP BY name ORDER BY name",
                      0, error);
}

struct json *statistics_score_bins(struct corpus *c, const char *name, double from, double to,
                                   int bins, struct error *error)
{
    struct sql_stmt *q = sql_prepare(
        corpus_sql(c),
        "SELECT min(CAST((value - ?2) / (?3 - ?2) * ?4 AS INTEGER), ?4 - 1) AS bin,"
        " count(*) FILTER (WHERE kept) AS kept, count(*) FILTER (WHERE NOT kept) AS removed"
        " FROM score JOIN decision USING (sample_id) WHERE name = ?1 GROUP BY bin ORDER BY bin",
        error);
    if (q == NULL)
        return NULL;
    sql_bind_text(q, 1, slice_of(name));
    sql_bind_real(q, 2, from);
    sql_bind_real(q, 3, to);
    sql_bind_int(q, 4, bins);
    return all_rows(q, error);
}

static struct json *expanded(struct json *rows, const char *key)
{
    for (struct json *r = json_edit_first(rows); r != NULL; r = json_edit_next(r))
        rows_expand(r, key);
    return rows;
}

struct json *statistics_runs(struct corpus *c, struct error *error)
{
    struct json *rows = rows_array(c,
                                   "SELECT id, stage, state, started_ms,"
                                   " (ended_ms - started_ms) / 1e3 AS seconds, version, summary,"
                                   " recipe FROM run ORDER BY id",
                                   0, error);
    return expanded(expanded(rows, "summary"), "recipe");
}

struct json *statistics_checkpoints(struct corpus *c, struct error *error)
{
    return expanded(
        rows_array(c, "SELECT run_id, step, path, metrics FROM checkpoint ORDER BY run_id, step", 0,
                   error),
        "metrics");
}

struct json *statistics_evaluations(struct corpus *c, struct error *error)
{
    return expanded(rows_array(c,
                               "SELECT run_id, model, suite, metrics FROM evaluation WHERE id IN"
                               " (SELECT max(id) FROM evaluation GROUP BY model, suite,"
                               " CASE WHEN json_valid(metrics) THEN"
                               " json_extract(metrics, '$.temperature') END) ORDER BY id",
                               0, error),
                    "metrics");
}

struct json *statistics_origin(struct corpus *c, int64_t request, struct error *error)
{
    struct json *row = NULL;
    int rc = rows_first(
        c,
        "SELECT p.source AS prompt, p.name AS prompt_name, t.model, t.endpoint, r.strategy,"
        " count(a.id) AS attempts, max(a.latency_ms) FILTER (WHERE a.cause IS NULL) AS latency_ms,"
        " sum(a.input_tokens) AS input_tokens, sum(a.output_tokens) AS output_tokens,"
        " sum(a.nusd) / 1e9 AS usd FROM request r JOIN prompt p ON p.id = r.prompt_id"
        " JOIN teacher t ON t.id = r.teacher_id LEFT JOIN attempt a ON a.request_id = r.id"
        " WHERE r.id = ?1 GROUP BY r.id",
        request, &row, error);
    return rc < 0 ? NULL : rc == 0 ? json_new_object() : row;
}

int64_t statistics_prompts(struct corpus *c, struct error *error)
{
    int64_t n;
    return sql_scalar(corpus_sql(c), "SELECT count(*) FROM prompt", &n, error) == 0 ? n : -1;
}
