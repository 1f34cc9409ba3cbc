#include "corpus/check.h"

#include "core/compress.h"
#include "corpus/rows.h"
#include "corpus/samples.h"
#include "corpus/verdicts.h"

#include <inttypes.h>

enum { SHOWN = 10, MAX_BODY = 256 << 20 };

struct check {
    struct corpus *c;
    struct buf *out;
    int findings, changed;
};

/* ---- SQLite's own ---- */

static int integrity(struct check *k, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(k->c), "PRAGMA integrity_check(20)", error);
    int rc;
    if (q == NULL)
        return -1;
    while ((rc = sql_step(q, error)) == 1) {
        struct slice line = sql_text(q, 0);
        if (slice_is(line, "ok"))
            continue;
        k->findings++;
        buf_str(k->out, "integrity: ");
        buf_slice(k->out, line);
        buf_char(k->out, '\n');
    }
    return rc;
}

static int foreign_keys(struct check *k, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(k->c), "PRAGMA foreign_key_check", error);
    int rc, n = 0;
    if (q == NULL)
        return -1;
    while ((rc = sql_step(q, error)) == 1 && n < SHOWN) {
        n++;
        buf_str(k->out, "a ");
        buf_slice(k->out, sql_text(q, 0));
        buf_printf(k->out, " (%" PRId64 ") names a missing ", sql_int(q, 1));
        buf_slice(k->out, sql_text(q, 2));
        buf_char(k->out, '\n');
    }
    sql_reset(q);
    k->findings += n;
    return rc < 0 ? -1 : 0;
}

/* ---- invariants as queries ---- */

/* Each query gives the numbers of the rows that break the rule. */
static const struct {
    const char *query, *what, *fault; /* "WHAT number FAULT" */
} rules[] = {
    {"SELECT id FROM request WHERE state = 'answered' AND NOT EXISTS"
     " (SELECT 1 FROM reply WHERE reply.id = reply_id AND request_id = request.id)",
     "request", "is answered, but its reply is not stored"},
    {"SELECT id FROM request WHERE state = 'failed' AND cause IS NULL", "request",
     "failed without a cause"},
    {"SELECT id FROM request WHERE state <> 'waiting' AND (reserved_nusd <> 0 OR"
     " reserved_tokens <> 0)",
     "request", "is over, but still holds a reservation"},
    {"SELECT l.request_id FROM batch_line l JOIN batch b ON b.id = l.batch_id"
     " WHERE l.settled = 0 AND b.state IN ('done', 'dropped')",
     "request", "is said to be in a batch that is over"},
    {"SELECT request_id FROM batch_line WHERE settled = 0 GROUP BY request_id HAVING count(*) > 1",
     "request", "is in two batches at once"},
    {"SELECT id FROM request WHERE reserved_nusd < 0 OR reserved_tokens < 0", "request",
     "holds a negative reservation"},
    {"SELECT id FROM reply WHERE NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.id = reply.id)"
     " AND NOT EXISTS (SELECT 1 FROM unread WHERE reply_id = reply.id)",
     "reply", "is neither accounted for nor waiting to be read"},
    {"SELECT y.id FROM reply y JOIN attempt a ON a.id = y.id WHERE a.request_id <> y.request_id",
     "reply", "and its attempt belong to different requests"},
    {"SELECT id FROM attempt WHERE nusd < 0 OR input_tokens < 0 OR output_tokens < 0", "attempt",
     "has a negative cost"},
    {"SELECT s.id FROM sample s JOIN request r ON r.id = s.request_id WHERE r.reply_id IS NULL",
     "row", "was made from a request without a reply"},
    {"SELECT sample_id FROM verdict WHERE match_id = sample_id", "row", "is said to match itself"},
    {"SELECT sample_id FROM verdict WHERE span_from < 0 OR span_to < span_from", "a verdict on row",
     "has an impossible span"},
};

static int one_rule(struct check *k, size_t i, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(k->c), rules[i].query, error);
    int rc, n = 0;
    if (q == NULL)
        return -1;
    while ((rc = sql_step(q, error)) == 1)
        if (n++ < SHOWN)
            buf_printf(k->out, "%s %" PRId64 " %s\n", rules[i].what, sql_int(q, 0), rules[i].fault);
    k->findings += n;
    return rc;
}

/* ---- running totals ---- */

/* What each total says beside what is counted; those that differ.  The sums over verdicts are only
 * promised while they are settled. */
/* clang-format off */
static const char *const recount =
    "WITH settled AS (SELECT n = 0 AS yes FROM tally WHERE key = 'verdicts.stale'),"
    " whole (key, n) AS ("
    "SELECT 'request.' || state, count(*) FROM request GROUP BY state"
    " UNION ALL SELECT 'failure.' || cause, count(*) FROM request WHERE state = 'failed'"
    "   GROUP BY cause"
    " UNION ALL SELECT 'attempt', count(*) FROM attempt"
    " UNION ALL SELECT 'sample.gen', count(*) FROM sample WHERE request_id IS NOT NULL"
    " UNION ALL SELECT 'tokens.input', ifnull(sum(input_tokens), 0) FROM attempt"
    " UNION ALL SELECT 'tokens.output', ifnull(sum(output_tokens), 0) FROM attempt"
    " UNION ALL SELECT 'nusd.spent', ifnull(sum(nusd), 0) FROM attempt"
    " UNION ALL SELECT 'nusd.reserved', ifnull(sum(reserved_nusd), 0) FROM request"
    " UNION ALL SELECT 'tokens.reserved', ifnull(sum(reserved_tokens), 0) FROM request),"
    " judged (key, n) AS ("
    "SELECT iif(action = 'remove', 'removed.', 'flagged.') || rule, count(*) FROM verdict"
    "   WHERE action IN ('remove', 'flag') GROUP BY action, rule"
    " UNION ALL SELECT 'verdicts.removed', (" VERDICTS_REMOVED ")),"
    " said (key, n, judged) AS (SELECT key, n, key LIKE 'removed.%' OR key LIKE 'flagged.%'"
    "   OR key LIKE 'verdicts.%' FROM tally WHERE key <> 'verdicts.stale')"
    " SELECT key, sum(said), sum(counted) FROM ("
    "SELECT key, n AS said, 0 AS counted FROM said WHERE NOT judged"
    " UNION ALL SELECT key, 0, n FROM whole"
    " UNION ALL SELECT key, n, 0 FROM said, settled WHERE judged AND yes"
    " UNION ALL SELECT key, 0, n FROM judged, settled WHERE yes)"
    " GROUP BY key HAVING sum(said) <> sum(counted)";
/* clang-format on */

static int totals(struct check *k, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(k->c), recount, error);
    int rc;
    if (q == NULL)
        return -1;
    while ((rc = sql_step(q, error)) == 1) {
        k->findings++;
        buf_str(k->out, "the running total ");
        buf_slice(k->out, sql_text(q, 0));
        buf_printf(k->out, " says %" PRId64 ", counted are %" PRId64 "\n", sql_int(q, 1),
                   sql_int(q, 2));
    }
    return rc;
}

/* ---- contents ---- */

static void changed(void *context, int64_t id)
{
    struct check *k = context;
    if (k->changed++ < SHOWN)
        buf_printf(k->out, "row %" PRId64 ": its text was changed outside of retort\n", id);
}

static int identities(struct check *k, struct error *error)
{
    int rc = samples_verify(k->c, changed, k, error);
    k->findings += k->changed;
    return rc;
}

static int bodies(struct check *k, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(k->c), "SELECT id, body FROM reply WHERE packed <> 0", error);
    struct compressor *z;
    struct buf body = BUF_MAX(MAX_BODY);
    int rc, n = 0;
    if (q == NULL)
        return -1;
    z = compressor_new(3);
    while ((rc = sql_step(q, error)) == 1) {
        struct error why = {0};
        buf_clear(&body);
        if (decompress_bytes(z, sql_text(q, 1), &body, &why) != 0 && n++ < SHOWN)
            buf_printf(k->out, "reply %" PRId64 " cannot be unpacked: %s\n", sql_int(q, 0),
                       why.text);
    }
    compressor_free(z);
    buf_free(&body);
    k->findings += n;
    return rc;
}

static int all(struct check *k, struct error *error)
{
    if (integrity(k, error) != 0)
        return -1;
    if (k->findings != 0)
        return 0; /* of a damaged file the rest would only repeat it */
    if (foreign_keys(k, error) != 0)
        return -1;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (one_rule(k, i, error) != 0)
            return -1;
    return totals(k, error) != 0 || identities(k, error) != 0 || bodies(k, error) != 0 ? -1 : 0;
}

int check_run(struct corpus *c, struct buf *findings, struct error *error)
{
    struct check k = {.c = c, .out = findings};
    int rc;
    /* One read transaction: others may write meanwhile. */
    if (sql_exec(corpus_sql(c), "BEGIN", error) != 0)
        return -1;
    rc = all(&k, error);
    (void)sql_exec(corpus_sql(c), "COMMIT", NULL);
    return rc == 0 ? k.findings : -1;
}
