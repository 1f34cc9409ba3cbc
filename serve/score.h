/*
 * Log-probabilities: of the tokens of a given text, and of a token among its alternatives.
 * All are natural logarithms of the model's own distribution, at temperature 1 and without
 * penalties or biases.
 */
#ifndef SERVE_SCORE_H
#define SERVE_SCORE_H

#include "core/error.h"
#include "model/model.h"

#include <stdint.h>

struct score_alternative {
    int32_t id;
    float logprob;
};

/* log sum exp of the logits: a token's log-probability is its logit less this. */
double score_norm(const float *logits, int32_t vocab);
/* The n likeliest tokens, best first; of equals the one of the lower id. */
void score_top(const float *logits, int32_t vocab, double norm, struct score_alternative *top,
               int n);

/* Run a text of n >= 2 tokens and hand out the logits [vocab] in front of each token but the
 * first: fn(context, i, logits) for i = 1 … n-1, in order.  The model must not be in a pass. */
typedef void score_fn(void *context, int32_t token, const float *logits);
int score_text(struct model *m, const int32_t *ids, int32_t n, score_fn *fn, void *context,
               struct error *error);

#endif
