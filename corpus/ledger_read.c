/* The ledger's reads. */
#include "corpus/ledger.h"

#include <string.h>

/* Stored bodies are at most this large unpacked. */
static const size_t MAX_BODY = (size_t)256 << 20;

#define ITEM                                                                                       \
    "r.id, r.prompt_id, r.teacher_id, r.key, r.strategy, r.step, r.sample, r.state, r.cause,"      \
    " r.tries, r.parsed, ifnull(r.reply_id, 0), p.name, p.source, p.system, p.instruction,"        \
    " p.input, p.messages, p.raw, p.meta, ifnull(p.parent, 0)"
#define HEARD                                                                                      \
    ITEM ", y.id, y.status, y.latency_ms, y.started_ms, ifnull(y.run_id, 0), y.headers,"           \
         " y.packed, y.body"
enum { HEARD_FIRST = 21 };

static void fill_item(struct sql_stmt *q, struct ledger_item *item)
{
    struct slice key = sql_text(q, 3), state = sql_text(q, 7);
    memset(item, 0, sizeof *item);
    item->request = (struct ledger_request){
        .id = sql_int(q, 0),
        .prompt_id = sql_int(q, 1),
        .teacher_id = sql_int(q, 2),
        .strategy = sql_text(q, 4),
        .step = sql_text(q, 5),
        .sample = sql_int(q, 6),
        .state = slice_is(state, "waiting")    ? LEDGER_WAITING
                 : slice_is(state, "answered") ? LEDGER_ANSWERED
                                               : LEDGER_FAILED,
        .cause = sql_text(q, 8),
        .tries = sql_int(q, 9),
        .parsed = sql_int(q, 10),
        .reply_id = sql_int(q, 11),
    };
    item->prompt = (struct ledger_prompt){
        .id = item->request.prompt_id,
        .name = sql_text(q, 12),
        .source = sql_text(q, 13),
        .system = sql_text(q, 14),
        .instruction = sql_text(q, 15),
        .input = sql_text(q, 16),
        .messages = sql_text(q, 17),
        .raw = sql_text(q, 18),
        .meta = sql_text(q, 19),
        .parent = sql_int(q, 20),
    };
    if (key.len == 16)
        item->request.key = hash128_from_bytes((const unsigned char *)key.data);
}

static int walk_items(struct sql_stmt *q, ledger_item_fn *fn, void *context, struct error *error)
{
    struct ledger_item item;
    int rc, n = 0;
    while ((rc = sql_step(q, error)) == 1) {
        fill_item(q, &item);
        n++;
        if (fn(context, &item, error)) {
            sql_reset(q);
            return -1;
        }
    }
    return rc < 0 ? -1 : n;
}

int ledger_waiting(struct corpus *c, int64_t after, int limit, ledger_item_fn *fn, void *context,
                   struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT " ITEM " FROM request r INDEXED BY request_waiting"
                    " JOIN prompt p ON p.id = r.prompt_id"
                    " WHERE r.state = 'waiting' AND r.id > ?1 ORDER BY r.id LIMIT ?2",
                    error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, after);
    sql_bind_int(q, 2, limit);
    return walk_items(q, fn, context, error);
}

int ledger_truncated(struct corpus *c, int64_t after, int limit, ledger_item_fn *fn, void *context,
                     struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT " ITEM " FROM request r JOIN prompt p ON p.id = r.prompt_id"
                    " WHERE r.id > ?1 AND r.state = 'answered' AND EXISTS (SELECT 1 FROM sample s"
                    " WHERE s.request_id = r.id AND s.finish_reason = 'length' AND NOT EXISTS"
                    " (SELECT 1 FROM verdict v WHERE v.sample_id = s.id AND v.rule = 'redone'))"
                    " ORDER BY r.id LIMIT ?2",
                    error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, after);
    sql_bind_int(q, 2, limit);
    return walk_items(q, fn, context, error);
}

int ledger_failed(struct corpus *c, const char *cause, int64_t after, ledger_item_fn *fn,
                  void *context, struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT " ITEM " FROM request r JOIN prompt p ON p.id = r.prompt_id"
                    " WHERE r.id > ?1 AND r.state = 'failed' AND r.cause <> 'withdrawn'"
                    " AND r.cause = ifnull(?3, r.cause) ORDER BY r.id LIMIT ?2",
                    error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, after);
    sql_bind_int(q, 2, LEDGER_SOME);
    sql_bind_text(q, 3, slice_of(cause));
    return walk_items(q, fn, context, error);
}

int ledger_find(struct corpus *c, int64_t request, ledger_item_fn *fn, void *context,
                struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c),
                                     "SELECT " ITEM " FROM request r"
                                     " JOIN prompt p ON p.id = r.prompt_id WHERE r.id = ?1",
                                     error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, request);
    return walk_items(q, fn, context, error);
}

/* ---- replies --------------------------------------------------------------------------------- */

static int heard_row(struct sql_stmt *q, struct compressor *z, struct buf *body,
                     struct ledger_heard *h, struct error *error)
{
    int at = HEARD_FIRST;
    memset(h, 0, sizeof *h);
    fill_item(q, &h->item);
    h->reply_id = sql_int(q, at);
    h->status = sql_int(q, at + 1);
    h->latency_ms = sql_int(q, at + 2);
    h->started_ms = sql_int(q, at + 3);
    h->run_id = sql_int(q, at + 4);
    h->headers = sql_text(q, at + 5);
    h->body = sql_text(q, at + 7);
    if (!sql_int(q, at + 6))
        return 0;
    buf_clear(body);
    if (decompress_bytes(z, h->body, body, error))
        return error_wrap(error, "reply %lld", (long long)h->reply_id);
    h->body = buf_view(body);
    return 0;
}

static int walk_heard(struct sql_stmt *q, ledger_heard_fn *fn, void *context, struct error *error)
{
    struct compressor *z = compressor_new(1);
    struct buf body = BUF_MAX(MAX_BODY);
    struct ledger_heard heard;
    int rc, n = 0;
    while ((rc = sql_step(q, error)) == 1) {
        n++;
        if (heard_row(q, z, &body, &heard, error) || fn(context, &heard, error)) {
            sql_reset(q);
            rc = -1;
            break;
        }
    }
    buf_free(&body);
    compressor_free(z);
    return rc < 0 ? -1 : n;
}

int ledger_unread(struct corpus *c, ledger_heard_fn *fn, void *context, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c),
                                     "SELECT " HEARD " FROM unread u JOIN reply y ON y.id ="
                                     " u.reply_id JOIN request r ON r.id = y.request_id"
                                     " JOIN prompt p ON p.id = r.prompt_id ORDER BY u.reply_id",
                                     error);
    return q ? walk_heard(q, fn, context, error) : -1;
}

int ledger_answers(struct corpus *c, int64_t after, int limit, ledger_heard_fn *fn, void *context,
                   struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT " HEARD " FROM request r JOIN prompt p ON p.id = r.prompt_id"
                    " JOIN reply y ON y.id = r.reply_id WHERE r.id > ?1 ORDER BY r.id LIMIT ?2",
                    error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, after);
    sql_bind_int(q, 2, limit);
    return walk_heard(q, fn, context, error);
}

int ledger_answer(struct corpus *c, int64_t request, ledger_heard_fn *fn, void *context,
                  struct error *error)
{
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c),
                    "SELECT " HEARD " FROM request r JOIN prompt p ON p.id = r.prompt_id"
                    " JOIN reply y ON y.id = r.reply_id WHERE r.id = ?1",
                    error);
    if (!q)
        return -1;
    sql_bind_int(q, 1, request);
    return walk_heard(q, fn, context, error);
}

void ledger_totals(struct corpus *c, struct ledger_totals *out)
{
    *out = (struct ledger_totals){
        .waiting = corpus_tally_get(c, "request.waiting"),
        .answered = corpus_tally_get(c, "request.answered"),
        .failed = corpus_tally_get(c, "request.failed"),
        .attempts = corpus_tally_get(c, "attempt"),
        .input_tokens = corpus_tally_get(c, "tokens.input"),
        .output_tokens = corpus_tally_get(c, "tokens.output"),
        .nusd = corpus_tally_get(c, "nusd.spent"),
        .reserved_nusd = corpus_tally_get(c, "nusd.reserved"),
        .reserved_tokens = corpus_tally_get(c, "tokens.reserved"),
    };
}

int64_t ledger_rows(struct corpus *c)
{
    return corpus_tally_get(c, "sample.gen");
}

int ledger_answered(struct corpus *c, struct hash128 key, struct error *error)
{
    unsigned char bytes[16];
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT state = 'answered' FROM request WHERE key = ?1", error);
    if (!q)
        return -1;
    hash128_bytes(key, bytes);
    sql_bind_blob(q, 1, bytes, sizeof bytes);
    int rc = sql_step(q, error);
    if (rc != 1)
        return rc;
    int answered = sql_int(q, 0) != 0;
    sql_reset(q);
    return answered;
}
