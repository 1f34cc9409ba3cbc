/*
 * Choosing the next token from logits, in the order of transformers: repetition penalty,
 * temperature, top-k, top-p, min-p.
 */
#ifndef MODEL_SAMPLING_H
#define MODEL_SAMPLING_H

#include <stdint.h>

struct sampling {
    double temperature;        /* 0: greedy */
    int32_t top_k;             /* 0: off */
    double top_p;              /* 1: off */
    double min_p;              /* 0: off */
    double repetition_penalty; /* 1: off; over prompt and reply, as in CTRL and transformers */
    uint64_t seed;             /* a reply is a function of model, prompt, sampling and seed */
};
#define SAMPLING_GREEDY ((struct sampling){0, 0, 1, 0, 1, 0})

/* The tokens so far (for the penalty), and how many were drawn (for the random number). */
struct sampling_state {
    const int32_t *tokens;
    int32_t n;
    uint64_t drawn;
};

/* Pick an id from logits [n], which are left alone. */
int32_t sampling_pick(const struct sampling *s, const float *logits, int32_t n,
                      const struct sampling_state *state);
/* log softmax(logits)[id]. */
float sampling_logprob(const float *logits, int32_t n, int32_t id);

#endif
