/* The ledger's writes; its reads are in ledger_read.c. */
#include "corpus/ledger.h"

#include <stdio.h>
#include <string.h>

/* Bodies below this are not worth a frame: it saves 200 bytes and takes a tenth of a row's time. */
enum { PACK_FROM = 1024 };

static const char *const state_names[] = {"waiting", "answered", "failed"};
static const char *const state_tallies[] = {"request.waiting", "request.answered",
                                            "request.failed"};

static void bind_reference(struct sql_stmt *q, int i, int64_t id)
{
    if (id)
        sql_bind_int(q, i, id);
    else
        sql_bind_null(q, i);
}

static int64_t scalar(struct corpus *c, const char *text, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c), text, error);
    int64_t v = -1;
    if (!q || sql_step(q, error) != 1)
        return -1;
    v = sql_int(q, 0);
    sql_reset(q);
    return v;
}

int ledger_next(struct corpus *c, struct ledger_ids *out, struct error *error)
{
    out->prompt = scalar(c, "SELECT ifnull(max(id), 0) + 1 FROM prompt", error);
    out->request = scalar(c, "SELECT ifnull(max(id), 0) + 1 FROM request", error);
    int64_t reply = scalar(c, "SELECT ifnull(max(id), 0) + 1 FROM reply", error);
    int64_t attempt = scalar(c, "SELECT ifnull(max(id), 0) + 1 FROM attempt", error);
    out->reply = reply > attempt ? reply : attempt;
    return out->prompt < 0 || out->request < 0 || reply < 0 || attempt < 0 ? -1 : 0;
}

int64_t ledger_teacher(struct corpus *c, const char *provider, const char *endpoint,
                       const char *model, const char *licence, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "INSERT INTO teacher (provider, endpoint, model, licence)"
                    " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (provider, endpoint, model)"
                    " DO UPDATE SET licence = ifnull(?4, licence) RETURNING id",
                    error);
    if (!q)
        return -1;
    sql_bind_text(q, 1, slice_of(provider));
    sql_bind_text(q, 2, slice_of(endpoint));
    sql_bind_text(q, 3, slice_of(model));
    sql_bind_text(q, 4, slice_of(licence));
    int rc = sql_step(q, error);
    int64_t id = rc == 1 ? sql_int(q, 0) : -1;
    while (rc == 1) /* RETURNING is complete only when it has been stepped to its end */
        rc = sql_step(q, error);
    return rc < 0 ? -1 : id;
}

/* ---- prompts and requests -------------------------------------------------------------------- */

int ledger_prompt_add(struct corpus *c, const struct ledger_prompt *p, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "INSERT INTO prompt (id, name, source, system, instruction, input,"
                    " messages, raw, meta, parent)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                    " ON CONFLICT (id) DO NOTHING",
                    error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, p->id);
    sql_bind_text(q, 2, p->name);
    sql_bind_text(q, 3, p->source.data ? p->source : SLICE(""));
    sql_bind_text(q, 4, p->system);
    sql_bind_text(q, 5, p->instruction);
    sql_bind_text(q, 6, p->input);
    sql_bind_text(q, 7, p->messages);
    sql_bind_text(q, 8, p->raw);
    sql_bind_text(q, 9, p->meta);
    bind_reference(q, 10, p->parent);
    if (sql_run(q, error))
        return -1;
    return sql_changes(corpus_sql(c)) ? 1 : 0;
}

/* "failure.CAUSE" */
static int tally_cause(struct corpus *c, const char *cause, int64_t delta, struct error *error)
{
    char key[64];
    if (!cause)
        return 0;
    snprintf(key, sizeof key, "failure.%.48s", cause);
    return corpus_tally(c, key, delta, error);
}

/* Take the failed (withdrawn) request with this key up again. */
static int take_up(struct corpus *c, struct ledger_request *r, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c),
                                     "UPDATE request SET state = 'waiting', cause = NULL, tries = 0"
                                     " WHERE id = ?1",
                                     error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, r->id);
    if (sql_run(q, error) || corpus_tally(c, state_tallies[LEDGER_FAILED], -1, error) ||
        corpus_tally(c, state_tallies[LEDGER_WAITING], 1, error) ||
        tally_cause(c, "withdrawn", -1, error))
        return -1;
    r->state = LEDGER_WAITING;
    return 2;
}

static enum ledger_state state_of(struct slice name)
{
    return slice_is(name, "waiting")    ? LEDGER_WAITING
           : slice_is(name, "answered") ? LEDGER_ANSWERED
                                        : LEDGER_FAILED;
}

static int known(struct corpus *c, struct ledger_request *r, struct error *error)
{
    unsigned char key[16];
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT id, prompt_id, teacher_id, state, cause, tries, parsed,"
                    " ifnull(reply_id, 0) FROM request WHERE key = ?1",
                    error);
    if (!q)
        return -1;
    hash128_bytes(r->key, key);
    sql_bind_blob(q, 1, key, 16);
    int rc = sql_step(q, error);
    if (rc != 1)
        return rc;
    struct slice cause = sql_text(q, 4);
    bool withdrawn = slice_is(cause, "withdrawn");
    size_t n = cause.len < sizeof r->failed_by - 1 ? cause.len : sizeof r->failed_by - 1;
    memcpy(r->failed_by, cause.data ? cause.data : "", n);
    r->failed_by[n] = '\0';
    r->id = sql_int(q, 0);
    r->prompt_id = sql_int(q, 1);
    r->teacher_id = sql_int(q, 2);
    r->state = state_of(sql_text(q, 3));
    r->tries = sql_int(q, 5);
    r->parsed = sql_int(q, 6);
    r->reply_id = sql_int(q, 7);
    sql_reset(q);
    return withdrawn ? take_up(c, r, error) : 1;
}

int ledger_request_add(struct corpus *c, struct ledger_request *r, struct error *error)
{
    unsigned char key[16];
    struct sql_stmt *q = sql_prepare(corpus_sql(c),
                                     "INSERT INTO request (id, key, prompt_id, teacher_id,"
                                     " strategy, step, sample) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                                     " ON CONFLICT (key) DO NOTHING",
                                     error);
    if (!q)
        return -1;
    hash128_bytes(r->key, key);
    sql_bind_int(q, 1, r->id);
    sql_bind_blob(q, 2, key, 16);
    sql_bind_int(q, 3, r->prompt_id);
    sql_bind_int(q, 4, r->teacher_id);
    sql_bind_text(q, 5, r->strategy);
    sql_bind_text(q, 6, r->step);
    sql_bind_int(q, 7, r->sample);
    if (sql_run(q, error))
        return -1;
    if (!sql_changes(corpus_sql(c)))
        return known(c, r, error);
    r->state = LEDGER_WAITING;
    return corpus_tally(c, state_tallies[LEDGER_WAITING], 1, error);
}

/* ---- money ----------------------------------------------------------------------------------- */

int ledger_reserve(struct corpus *c, int64_t request, int64_t nusd, int64_t tokens,
                   struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "UPDATE request SET reserved_nusd = ?2, reserved_tokens = ?3 WHERE id = ?1",
                    error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, request);
    sql_bind_int(q, 2, nusd);
    sql_bind_int(q, 3, tokens);
    if (sql_run(q, error) || corpus_tally(c, "nusd.reserved", nusd, error))
        return -1;
    return corpus_tally(c, "tokens.reserved", tokens, error);
}

/* What a query says of a request, its ?1: 1 and *q stands on the row, 0 there is none. */
static int look_up(struct corpus *c, const char *text, int64_t request, struct sql_stmt **q,
                   struct error *error)
{
    *q = sql_prepare(corpus_sql(c), text, error);
    if (!*q)
        return -1;
    sql_bind_int(*q, 1, request);
    return sql_step(*q, error);
}

int ledger_release(struct corpus *c, int64_t request, struct error *error)
{
    struct sql_stmt *q;
    const int rc = look_up(c,
                           "SELECT reserved_nusd, reserved_tokens FROM request"
                           " WHERE id = ?1 AND reserved_nusd + reserved_tokens > 0",
                           request, &q, error);
    if (rc != 1)
        return rc;
    int64_t nusd = sql_int(q, 0), tokens = sql_int(q, 1);
    sql_reset(q);
    q = sql_prepare(corpus_sql(c),
                    "UPDATE request SET reserved_nusd = 0, reserved_tokens = 0 WHERE id = ?1",
                    error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, request);
    if (sql_run(q, error) || corpus_tally(c, "nusd.reserved", -nusd, error))
        return -1;
    return corpus_tally(c, "tokens.reserved", -tokens, error);
}

struct lost {
    int64_t request, nusd, tokens;
};

static int next_lost(struct corpus *c, struct lost *out, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT r.id, r.reserved_nusd, r.reserved_tokens FROM request r"
                    " WHERE r.reserved_nusd + r.reserved_tokens > 0 AND NOT EXISTS (SELECT 1 FROM"
                    " unread u JOIN reply p ON p.id = u.reply_id WHERE p.request_id = r.id)"
                    " AND NOT EXISTS (SELECT 1 FROM batch_line l WHERE l.request_id = r.id"
                    " AND l.settled = 0)"
                    " LIMIT 1",
                    error);
    if (!q)
        return -1;
    int rc = sql_step(q, error);
    if (rc != 1)
        return rc;
    *out = (struct lost){sql_int(q, 0), sql_int(q, 1), sql_int(q, 2)};
    sql_reset(q);
    return 1;
}

int64_t ledger_recover(struct corpus *c, int64_t run_id, int64_t *next_reply, int64_t now_ms,
                       struct error *error)
{
    struct lost lost;
    int64_t n = 0;
    int rc;
    while ((rc = next_lost(c, &lost, error)) == 1) {
        struct ledger_attempt a = {
            .id = (*next_reply)++,
            .request_id = lost.request,
            .run_id = run_id,
            .started_ms = now_ms,
            .cause = "lost",
            .message = SLICE("in flight when the process ended; counted at the worst case"),
            .output_tokens = lost.tokens,
            .nusd = lost.nusd,
            .assumed = true,
        };
        if (ledger_attempt_put(c, &a, error))
            return -1;
        n++;
    }
    return rc < 0 ? -1 : n;
}

/* ---- replies and attempts -------------------------------------------------------------------- */

int ledger_reply_put(struct corpus *c, struct compressor *z, const struct ledger_reply *r,
                     struct error *error)
{
    struct buf packed = BUF;
    struct slice body = r->body.data ? r->body : SLICE("");
    int rc = -1;
    bool pack = z && body.len >= PACK_FROM;
    if (pack && compress_bytes(z, body, &packed, error))
        goto out;
    pack = pack && packed.len < body.len;
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "INSERT INTO reply (id, request_id, run_id, started_ms, latency_ms, status,"
                    " headers, packed, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    error);
    struct sql_stmt *u =
        sql_prepare(corpus_sql(c), "INSERT INTO unread (reply_id) VALUES (?1)", error);
    if (!q || !u)
        goto out;
    sql_bind_int(q, 1, r->id);
    sql_bind_int(q, 2, r->request_id);
    bind_reference(q, 3, r->run_id);
    sql_bind_int(q, 4, r->started_ms);
    sql_bind_int(q, 5, r->latency_ms);
    sql_bind_int(q, 6, r->status);
    sql_bind_text(q, 7, r->headers);
    sql_bind_int(q, 8, pack);
    sql_bind_blob(q, 9, pack ? packed.data : body.data, pack ? packed.len : body.len);
    sql_bind_int(u, 1, r->id);
    rc = sql_run(q, error) ? -1 : sql_run(u, error);
out:
    buf_free(&packed);
    return rc;
}

static int tally_attempt(struct corpus *c, const struct ledger_attempt *a, struct error *error)
{
    return corpus_tally(c, "attempt", 1, error) ||
                   corpus_tally(c, "tokens.input", a->input_tokens, error) ||
                   corpus_tally(c, "tokens.output", a->output_tokens, error) ||
                   corpus_tally(c, "nusd.spent", a->nusd, error)
               ? -1
               : 0;
}

static int read_now(struct corpus *c, int64_t reply, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "DELETE FROM unread WHERE reply_id = ?1", error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, reply);
    return sql_run(q, error);
}

int ledger_attempt_put(struct corpus *c, const struct ledger_attempt *a, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "INSERT INTO attempt (id, request_id, run_id, started_ms, latency_ms, status,"
                    " cause, message, input_tokens, output_tokens, cached_tokens,"
                    " reasoning_tokens, nusd, assumed)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                    error);
    if (!q)
        return -1;
    const int64_t numbers[] = {a->input_tokens,     a->output_tokens, a->cached_tokens,
                               a->reasoning_tokens, a->nusd,          a->assumed};
    sql_bind_int(q, 1, a->id);
    sql_bind_int(q, 2, a->request_id);
    bind_reference(q, 3, a->run_id);
    sql_bind_int(q, 4, a->started_ms);
    sql_bind_int(q, 5, a->latency_ms);
    sql_bind_int(q, 6, a->status);
    sql_bind_text(q, 7, slice_of(a->cause));
    sql_bind_text(q, 8, a->message);
    for (int i = 0; i < 6; i++)
        sql_bind_int(q, 9 + i, numbers[i]);
    if (sql_run(q, error) || tally_attempt(c, a, error) ||
        (!a->unreserved && ledger_release(c, a->request_id, error)))
        return -1;
    return a->status ? read_now(c, a->id, error) : 0;
}

/* A request that had failed fails no more, or otherwise. */
static int untally_cause(struct corpus *c, int64_t request, struct error *error)
{
    char cause[64] = "";
    struct sql_stmt *q;
    const int rc = look_up(c, "SELECT cause FROM request WHERE id = ?1", request, &q, error);
    if (rc == 1) {
        struct slice s = sql_text(q, 0);
        snprintf(cause, sizeof cause, "%.*s", (int)(s.len < 60 ? s.len : 60), s.data ? s.data : "");
        sql_reset(q);
    }
    return rc < 0 ? -1 : tally_cause(c, *cause ? cause : NULL, -1, error);
}

int ledger_request_end(struct corpus *c, const struct ledger_end *e, struct error *error)
{
    if (e->from == LEDGER_FAILED && untally_cause(c, e->request_id, error))
        return -1;
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "UPDATE request SET state = ?2, cause = ?3, tries = ?4, parsed = ?5,"
                    " reply_id = ?6 WHERE id = ?1",
                    error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, e->request_id);
    sql_bind_text(q, 2, slice_of(state_names[e->to]));
    sql_bind_text(q, 3, slice_of(e->cause));
    sql_bind_int(q, 4, e->tries);
    sql_bind_int(q, 5, e->parsed);
    bind_reference(q, 6, e->reply_id);
    if (sql_run(q, error))
        return -1;
    if (e->from != e->to && (corpus_tally(c, state_tallies[e->from], -1, error) ||
                             corpus_tally(c, state_tallies[e->to], 1, error)))
        return -1;
    return e->to == LEDGER_FAILED ? tally_cause(c, e->cause, 1, error) : 0;
}

int ledger_replaced(struct corpus *c, int64_t request, struct error *error)
{
    struct sql_stmt *q;
    const int rc = look_up(c,
                           "SELECT 1 FROM request WHERE id = ?1 AND state = 'failed'"
                           " AND cause <> 'withdrawn'",
                           request, &q, error);
    if (rc != 1)
        return rc;
    sql_reset(q);
    if (untally_cause(c, request, error) || tally_cause(c, "withdrawn", 1, error))
        return -1;
    q = sql_prepare(corpus_sql(c), "UPDATE request SET cause = 'withdrawn' WHERE id = ?1", error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, request);
    return sql_run(q, error);
}

/* ---- all at once ----------------------------------------------------------------------------- */

int64_t ledger_withdraw(struct corpus *c, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c),
                                     "UPDATE request SET state = 'failed', cause = 'withdrawn'"
                                     " WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM"
                                     " batch_line l WHERE l.request_id = request.id"
                                     " AND l.settled = 0)",
                                     error);
    if (!q || sql_run(q, error))
        return -1;
    int64_t n = sql_changes(corpus_sql(c));
    if (corpus_tally(c, state_tallies[LEDGER_WAITING], -n, error) ||
        corpus_tally(c, state_tallies[LEDGER_FAILED], n, error) ||
        tally_cause(c, "withdrawn", n, error))
        return -1;
    return n;
}

int64_t ledger_reopen(struct corpus *c, const char *cause, struct error *error)
{
    char key[64];
    snprintf(key, sizeof key, "failure.%.48s", cause);
    if (corpus_tally_get(c, key) == 0)
        return 0; /* without a walk over a million requests */
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "UPDATE request SET state = 'waiting', cause = NULL, tries = 0, parsed = 0"
                    " WHERE state = 'failed' AND cause = ?1",
                    error);
    if (!q)
        return -1;
    sql_bind_text(q, 1, slice_of(cause));
    if (sql_run(q, error))
        return -1;
    int64_t n = sql_changes(corpus_sql(c));
    if (corpus_tally(c, state_tallies[LEDGER_FAILED], -n, error) ||
        corpus_tally(c, state_tallies[LEDGER_WAITING], n, error) ||
        tally_cause(c, cause, -n, error))
        return -1;
    return n;
}
