#include "corpus/runs.h"

#include "core/clock.h"
#include "core/version.h"
#include "corpus/claim.h"
#include "corpus/verdicts.h"

/* What says it is running although nobody holds the stage was killed. */
static int mark_killed(struct corpus *c, const char *stage, struct error *error)
{
    struct sql_stmt *q;
    if (claim_held(corpus_path(c), stage))
        return 0;
    q = sql_prepare(corpus_sql(c),
                    "UPDATE run SET state = 'killed' WHERE stage = ?1 AND state = 'running'",
                    error);
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(stage));
    return sql_run(q, error);
}

int64_t runs_start(struct corpus *c, const char *stage, const char *recipe, const char *sha256,
                   struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c),
                                     "INSERT INTO run (stage, state, started_ms, version, recipe,"
                                     " sha256) VALUES (?1, 'running', ?2, ?3, ?4, ?5)",
                                     error);
    if (q == NULL || mark_killed(c, stage, error) != 0)
        return -1;
    sql_bind_text(q, 1, slice_of(stage));
    sql_bind_int(q, 2, clock_wall_ms());
    sql_bind_text(q, 3, SLICE(RETORT_VERSION));
    sql_bind_text(q, 4, slice_of(recipe));
    sql_bind_text(q, 5, slice_of(sha256));
    return sql_run(q, error) == 0 ? sql_last_id(corpus_sql(c)) : -1;
}

int runs_end(struct corpus *c, int64_t run, const char *state, const char *summary,
             struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "UPDATE run SET state = ?2, ended_ms = ?3, summary = ?4 WHERE id = ?1", error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, run);
    sql_bind_text(q, 2, slice_of(state));
    sql_bind_int(q, 3, clock_wall_ms());
    sql_bind_text(q, 4, slice_of(summary));
    return sql_run(q, error) == 0 ? verdicts_settle(c, error) : -1;
}

int runs_checkpoint(struct corpus *c, int64_t run, int64_t step, const char *path,
                    const char *metrics, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "INSERT INTO checkpoint (run_id, step, path, metrics) VALUES (?1, ?2, ?3, ?4)",
                    error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, run);
    sql_bind_int(q, 2, step);
    sql_bind_text(q, 3, slice_of(path));
    sql_bind_text(q, 4, slice_of(metrics));
    return sql_run(q, error);
}

int runs_evaluation(struct corpus *c, int64_t run, const char *model, const char *suite,
                    const char *metrics, struct error *error)
{
    struct sql_stmt *q = sql_prepare(
        corpus_sql(c),
        "INSERT INTO evaluation (run_id, model, suite, metrics) VALUES (?1, ?2, ?3, ?4)", error);
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, run);
    sql_bind_text(q, 2, slice_of(model));
    sql_bind_text(q, 3, slice_of(suite));
    sql_bind_text(q, 4, slice_of(metrics));
    return sql_run(q, error);
}

#define COLUMNS "id, stage, state, started_ms, ended_ms, version, recipe, sha256, summary"

static void fill(struct sql_stmt *q, struct run *r)
{
    *r = (struct run){
        .id = sql_int(q, 0),
        .stage = sql_text(q, 1),
        .state = sql_text(q, 2),
        .started_ms = sql_int(q, 3),
        .ended_ms = sql_int(q, 4),
        .version = sql_text(q, 5),
        .recipe = sql_text(q, 6),
        .sha256 = sql_text(q, 7),
        .summary = sql_text(q, 8),
    };
}

int runs_each(struct corpus *c, const char *stage, runs_fn *fn, void *context, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT " COLUMNS " FROM run WHERE ?1 IS NULL OR stage = ?1 ORDER BY id",
                    error);
    struct run r;
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(stage));
    while ((rc = sql_step(q, error)) == 1) {
        fill(q, &r);
        rc = fn(context, &r, error);
        if (rc != 0) {
            sql_reset(q);
            return rc < 0 ? -1 : 0;
        }
    }
    return rc;
}

int runs_last(struct corpus *c, const char *stage, const char *state, runs_fn *fn, void *context,
              struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT " COLUMNS " FROM run WHERE stage = ?1 AND (?2 IS NULL OR state = ?2)"
                    " ORDER BY id DESC LIMIT 1",
                    error);
    struct run r;
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(stage));
    sql_bind_text(q, 2, slice_of(state));
    rc = sql_step(q, error);
    if (rc == 1) {
        fill(q, &r);
        rc = fn(context, &r, error) < 0 ? -1 : 1;
        sql_reset(q);
    }
    return rc;
}
