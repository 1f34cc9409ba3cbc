/* One token for every reply of the engine that runs: drawn, penalised, held to a grammar, told. */
#include "serve/engine_parts.h"

#include "core/mem.h"
#include "model/sampling.h"
#include "serve/stops.h"

#include <math.h>
#include <string.h>

enum { PIECE_MAX = 256 };

static bool is_stop(const struct engine *e, const struct reply *r, int32_t id)
{
    for (int32_t i = 0; i < e->options.n_stops; i++)
        if (e->options.stops[i] == id)
            return !r->job->spec.ignore_eos;
    return false;
}

/* The bytes a token stands for, by decoding each once. */
void engine_token_pieces(struct engine *e)
{
    struct buf all = BUF;
    size_t *ends = mem_zero((size_t)e->vocab, sizeof *ends);
    for (int32_t id = 0; id < e->vocab; id++) {
        (void)tokenizer_bytes(e->options.tokenizer, id, &all);
        ends[id] = all.len;
    }
    e->piece_bytes = buf_take(&all);
    e->pieces = mem_zero((size_t)e->vocab, sizeof *e->pieces);
    for (int32_t id = 0; id < e->vocab; id++) {
        const size_t from = id != 0 ? ends[id - 1] : 0;
        e->pieces[id] = slice_from(e->piece_bytes + from, ends[id] - from);
    }
    mem_free(ends);
}

static bool allowed(struct engine *e, struct reply *r, int32_t id)
{
    if (r->state == NULL)
        return true;
    if (is_stop(e, r, id))
        return grammar_complete(r->state);
    return e->pieces[id].len != 0 && e->pieces[id].len <= PIECE_MAX &&
           grammar_allows(r->state, e->pieces[id]);
}

/* OpenAI's penalties: presence once, frequency for each time a token was written. */
static void penalise(const struct reply *r, float *logits)
{
    const double presence = r->job->spec.presence_penalty,
                 frequency = r->job->spec.frequency_penalty;
    for (int32_t i = r->first; i < r->n && (presence != 0 || frequency != 0); i++) {
        bool before = false;
        for (int32_t k = r->first; k < i && !before; k++)
            before = r->ids[k] == r->ids[i];
        logits[r->ids[i]] -= (float)(frequency + (before ? 0 : presence));
    }
}

static void add_bias(const struct engine *e, const struct reply *r, float *logits)
{
    for (size_t i = 0; i < r->job->spec.n_bias; i++)
        if (r->job->spec.bias[i].id >= 0 && r->job->spec.bias[i].id < e->vocab)
            logits[r->job->spec.bias[i].id] += r->job->spec.bias[i].bias;
}

static void prepare(struct engine *e, const struct reply *r, const float *raw)
{
    memcpy(e->logits, raw, (size_t)e->vocab * sizeof *raw);
    penalise(r, e->logits);
    add_bias(e, r, e->logits);
}

static int32_t draw(struct engine *e, const struct reply *r)
{
    const struct sampling_state state = {r->ids, r->n, (uint64_t)engine_reply_written(r)};
    return sampling_pick(&r->sampling, e->logits, e->vocab, &state);
}

/* The next token.  With a grammar: most draws are allowed as they are; where one is not, every token is
 * judged and the draw made among those allowed.  -1: there is none. */
static int32_t pick(struct engine *e, struct reply *r, const float *raw)
{
    int32_t id, left = 0;
    prepare(e, r, raw);
    id = draw(e, r);
    if (allowed(e, r, id))
        return id;
    prepare(e, r, raw);
    for (id = 0; id < e->vocab; id++) {
        if (allowed(e, r, id))
            left++;
        else
            e->logits[id] = -INFINITY;
    }
    return left != 0 ? draw(e, r) : -1;
}

/* Hand out what cannot become a stop text.  True: one has appeared. */
static bool release(struct reply *r, struct engine_event *event, size_t *ready)
{
    bool stopped;
    *ready = stops_ready(r->job->spec.stops, r->job->spec.n_stops, buf_view(&r->held), &stopped);
    event->text = slice_sub(buf_view(&r->held), 0, *ready);
    return stopped;
}

static void drop_front(struct buf *b, size_t n)
{
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

/* A token was drawn: tell, and end the reply where it must end. */
static void take_token(struct engine *e, int slot, int32_t id, const float *raw)
{
    struct reply *r = &e->replies[slot];
    const struct engine_job *spec = &r->job->spec;
    struct score_alternative top[ENGINE_TOP_MAX];
    struct engine_event event = {.token = true, .id = id, .top = top};
    size_t ready = 0;
    bool stopped = false, go_on;
    int full;
    if (spec->want_logprobs) {
        const double norm = score_norm(raw, e->vocab);
        event.logprob = (float)((double)raw[id] - norm);
        score_top(raw, e->vocab, norm, top, spec->top);
    }
    r->ids[r->n++] = id;
    if (r->state != NULL)
        (void)grammar_follow(r->state, e->pieces[id]);
    tokenizer_stream_add(r->stream, id, &r->held);
    stopped = release(r, &event, &ready);
    full = generator_accept(e->generator, slot, id);
    go_on = engine_reply_tell(r, &event);
    if (r->held.len != 0)
        drop_front(&r->held, ready);
    if (stopped)
        buf_clear(&r->held);
    if (!go_on)
        engine_reply_end(e, slot, FINISH_CANCELLED, NULL);
    else if (stopped || (r->state != NULL && grammar_closed(r->state)))
        engine_reply_end(e, slot, FINISH_STOP, NULL);
    else if (full != 0 || engine_reply_written(r) >= spec->max_tokens)
        engine_reply_end(e, slot, FINISH_LENGTH, NULL);
}

/* One token for every reply that runs. */
void engine_token_advance(struct engine *e)
{
    struct error error = {0};
    const int rc = generator_forward(e->generator, &error);
    for (int slot = 0; slot < e->options.slots; slot++) {
        struct reply *r = &e->replies[slot];
        const float *raw;
        int32_t id;
        if (r->job == NULL)
            continue;
        if (rc != 0) {
            engine_reply_end(e, slot, FINISH_ERROR, error.text);
            continue;
        }
        r->job->primed = true;
        raw = generator_logits(e->generator, slot);
        id = pick(e, r, raw);
        if (id < 0)
            engine_reply_end(e, slot, FINISH_IMPOSSIBLE,
                             "no token of this model continues the required form");
        else if (is_stop(e, r, id))
            engine_reply_end(e, slot, FINISH_STOP, NULL);
        else
            take_token(e, slot, id, raw);
    }
}
