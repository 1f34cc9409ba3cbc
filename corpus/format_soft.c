/*
 * Soft labels as lines of JSON, for other trainers; cannot be imported:
 * {"id":…,"instruction":…,"input":…,"output":…,"logprobs":{"content":[{"token":…,"bytes":[…],"id":…,
 *  "logprob":…,"tail":…,"top_logprobs":[{"token":…,"bytes":[…],"id":…,"logprob":…}]}]}}
 * OpenAI's form, and two members more: id, where the server gave one, and tail, the probability that
 * is in none of the alternatives.  bytes is the truth where token cannot spell it; both are null where
 * the server gave the id alone.  logprob null: the server's "not computed".
 */
#include "corpus/format.h"
#include "corpus/softlabels.h"

#include <math.h>

static void put_number(struct buf *out, double v)
{
    if (isnan(v))
        buf_str(out, "null");
    else
        buf_printf(out, "%.9g", v);
}

static void put_bytes(struct buf *out, struct slice bytes)
{
    buf_char(out, '[');
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%s%d", i ? "," : "", (unsigned char)bytes.data[i]);
    buf_char(out, ']');
}

/* Without the closing brace. */
static void put_token(struct buf *out, const struct soft_token *t)
{
    bool spelt = t->bytes.len > 0 || t->id < 0;
    buf_str(out, "{\"token\":");
    if (spelt)
        json_quote(t->bytes, 0, out);
    else
        buf_str(out, "null");
    buf_str(out, ",\"bytes\":");
    if (spelt)
        put_bytes(out, t->bytes);
    else
        buf_str(out, "null");
    if (t->id >= 0)
        buf_printf(out, ",\"id\":%d", (int)t->id);
    buf_str(out, ",\"logprob\":");
    put_number(out, (double)t->logprob);
}

static void put_position(struct buf *out, const struct softlabels *l, size_t at)
{
    const struct soft_position *p = &l->positions[at];
    put_token(out, &p->sampled);
    buf_str(out, ",\"tail\":");
    put_number(out, softlabels_tail(l, at));
    buf_str(out, ",\"top_logprobs\":[");
    for (uint32_t k = 0; k < p->count; k++) {
        buf_str(out, k ? "," : "");
        put_token(out, &l->top[p->first + k]);
        buf_char(out, '}');
    }
    buf_str(out, "]}");
}

static int write_one(struct corpus *c, const struct sample *s, struct buf *out, struct error *error)
{
    struct arena arena = ARENA;
    struct softlabels l = {0};
    int rc = s->request_id ? softlabels_get(c, s->request_id, s->choice, &arena, &l, error) : 0;
    if (rc <= 0) {
        arena_free(&arena);
        if (rc == 0)
            (void)error_set(error, ERROR_INPUT, "it has no soft labels (gen.logprobs)");
        return rc;
    }
    record_open(s, out);
    record_put(out, "instruction", s->instruction);
    record_put(out, "input", s->input);
    record_put(out, "output", s->output);
    record_put_key(out, "logprobs");
    buf_str(out, "{\"content\":[");
    for (size_t i = 0; i < l.n; i++) {
        buf_str(out, i ? "," : "");
        put_position(out, &l, i);
    }
    buf_str(out, "]}");
    record_close(out);
    arena_free(&arena);
    return 1;
}

const struct format format_soft = {
    .name = "soft-labels",
    .summary = "what gen.logprobs stored: tokens, logprobs, alternatives, tail (export only)",
    .write = write_one,
};
