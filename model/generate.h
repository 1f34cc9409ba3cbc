/*
 * Generation: a KV cache with slots for several sequences, advanced together.  One step runs one
 * pass over the new tokens of all open sequences (the whole prompt of a new one, the last token of
 * the others), so that weights are read once for all.  A sequence's tokens do not depend on which
 * others run beside it.
 */
#ifndef MODEL_GENERATE_H
#define MODEL_GENERATE_H

#include "core/error.h"
#include "core/rng.h"
#include "model/model.h"

struct sampling {
    double temperature;        /* 0: greedy */
    int32_t top_k;             /* 0: off */
    double top_p;              /* 1: off */
    double min_p;              /* 0: off */
    double repetition_penalty; /* 1: off; over prompt and reply, as in CTRL and transformers */
    uint64_t seed;             /* a reply is a function of model, prompt, sampling and seed */
};
#define SAMPLING_GREEDY ((struct sampling){0, 0, 1, 0, 1, 0})

/* Pick from logits [n]; context holds the ids so far (for the penalty); draw is the number of
 * tokens drawn before.  logits may be changed. */
int32_t sampling_pick(const struct sampling *s, float *logits, int32_t n, const int32_t *context,
                      int32_t n_context, uint64_t draw);

struct generator;

struct generator_options {
    int32_t slots;    /* sequences at once */
    int32_t capacity; /* tokens of one sequence, prompt and reply */
};
struct generator *generator_new(struct model *m, const struct generator_options *options,
                                struct error *error);
void generator_free(struct generator *g);

/* Open a sequence; the prompt is copied.  Returns its slot, or -1 (no slot: ERROR_BUSY; a prompt
 * over the capacity: ERROR_LIMIT). */
int generator_open(struct generator *g, const int32_t *prompt, int32_t n,
                   const struct sampling *sampling, struct error *error);
/* Advance all open sequences by one token.  out has room for `slots`; *n gets how many. */
struct generator_token {
    int slot;
    int32_t id;
    float logprob; /* of id, at temperature 1, before any truncation */
    bool full;     /* the capacity is used up: close it */
};
int generator_step(struct generator *g, struct generator_token *out, int32_t *n,
                   struct error *error);
/* Logits of the last step for a slot: host [V], valid until the next step. */
const float *generator_logits(const struct generator *g, int slot);
void generator_close(struct generator *g, int slot);

/* One sequence from start to end: up to `max` ids into out, stopping at (and not returning) one
 * of the stop ids.  Returns how many, or -1. */
int32_t generate_ids(struct generator *g, const int32_t *prompt, int32_t n,
                     const struct sampling *sampling, const int32_t *stops, int32_t n_stops,
                     int32_t *out, int32_t max, struct error *error);

#endif
