/*
 * Generation: a KV cache with slots for several sequences, advanced together.
 *
 *     slot = generator_open(g, prompt, n)        the prompt is pending
 *     generator_forward(g)                       all pending tokens of all open slots; logits ready
 *     generator_logits(g, slot)                  choose ...
 *     generator_accept(g, slot, id)              ... and id is pending
 *     generator_close(g, slot)                   the slot is free; its cache may serve a prefix
 *
 * The last tokens of all sequences run as one pass, so that weights are read once for all; prompts
 * run in pieces of 64 tokens at positions that are multiples of 64.  Every product involved gives
 * a row the same bits whatever stands beside it: a sequence's logits do not depend on the
 * sequences that run with it, nor on whether its prefix was computed or found in the cache.
 */
#ifndef MODEL_GENERATE_H
#define MODEL_GENERATE_H

#include "core/error.h"
#include "model/model.h"
#include "model/sampling.h"

struct generator;

struct generator_options {
    int32_t slots;    /* sequences at once */
    int32_t capacity; /* tokens of one sequence, prompt and reply */
};

/* The model is borrowed and must not change while a sequence is open; between sequences it may
 * (training and sampling alternate): call generator_forget then. */
struct generator *generator_new(struct model *m, const struct generator_options *options,
                                struct error *error);
void generator_free(struct generator *g);
/* The weights changed: cached prefixes are worth nothing. */
void generator_forget(struct generator *g);

/* Open a sequence; the prompt is copied.  Returns its slot, or -1 (no slot: ERROR_BUSY; an empty
 * prompt or one over the capacity: ERROR_LIMIT; an id outside of the vocabulary: ERROR_INPUT). */
int generator_open(struct generator *g, const int32_t *prompt, int32_t n, struct error *error);
/* How many of the prompt's tokens were found in the cache. */
int32_t generator_reused(const struct generator *g, int slot);
int generator_forward(struct generator *g, struct error *error);
/* Raw logits [V] behind the slot's last token; host memory, valid until the next forward. */
const float *generator_logits(const struct generator *g, int slot);
/* The slot's next token: 0, or 1 when the capacity is used up (the token may be shown, but no
 * other can follow it: close the slot). */
int generator_accept(struct generator *g, int slot, int32_t id);
void generator_close(struct generator *g, int slot);
/* The sequence so far, prompt and accepted tokens. */
const int32_t *generator_tokens(const struct generator *g, int slot, int32_t *n);
int32_t generator_active(const struct generator *g);

/* One sequence from start to end: up to `max` ids into out, stopping at (and not returning) one
 * of the stop ids.  Returns how many, or -1.  `token` (may be NULL) hears of each id and ends the
 * reply by returning false. */
struct generate_request {
    const int32_t *prompt;
    int32_t n;
    struct sampling sampling;
    const int32_t *stops;
    int32_t n_stops;
    bool (*token)(void *context, int32_t id, float logprob);
    void *context;
};
int32_t generate_ids(struct generator *g, const struct generate_request *request, int32_t *out,
                     int32_t max, struct error *error);

#endif
