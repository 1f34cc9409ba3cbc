/*
 * The matches of a run: watches the student and the (first) teacher, computes the losses of
 * match.h when the backward pass begins, and adds their gradients as it goes down the layers.
 *
 *     teacher's forward   hidden states, attention scores of the wanted layers are kept
 *     student's forward   the same
 *     student's backward  first call: all losses and gradients; each layer: its own is added
 *
 * The sum over a step's rows is divided by the step's measure (match.h), whatever the cut: the
 * learner divides all gradients by the number N of supervised tokens, so a match counts
 * weight * N / measure times its sum.  All tokens of a row take part, the prompt's too.
 *
 * Layers of hidden states: 0 is the embedding's output, l that of block l; of attention: block l,
 * from 0.  A pair (gram, nst) is layer and layer + 1.
 *
 * A NULL matcher has no matches.
 */
#ifndef TRAIN_DISTILL_MATCHER_H
#define TRAIN_DISTILL_MATCHER_H

#include "core/error.h"
#include "model/model.h"
#include "train/distill/options.h"
#include "train/feed.h"

struct cache;
struct matcher;

struct matcher_setup {
    const struct distill_options *options;
    const struct model_config *student, *teacher; /* read during the call only */
    const struct examples *examples;
    uint64_t seed;
};

/* -1 where a layer is out of range or widths differ without a projection. */
struct matcher *matcher_open(const struct matcher_setup *s, struct error *error);
void matcher_close(struct matcher *m);
bool matcher_attention(const struct matcher *m);
/* Layers of the teacher whose hidden states are wanted, ascending; how wide they are. */
const int32_t *matcher_layers(const struct matcher *m, size_t *n, int32_t *width);

/* Make the projections' block; backend outlives the matcher. */
int matcher_start(struct matcher *m, struct backend *b, struct error *error);
/* values, first, second moments of all projections [1, n]; n 0: there are none. */
void matcher_blocks(struct matcher *m, struct tensor out[3]);

/* A step of these examples, `tokens` of them supervised. */
void matcher_step(struct matcher *m, const uint32_t *which, size_t n, uint64_t tokens);
void matcher_micro(struct matcher *m, const struct feed *feed);
/* Watch the teacher's pass of tokens that begin at `offset` of the micro-batch. */
const struct model_watch *matcher_teacher(struct matcher *m, int32_t offset);
/* Or take its hidden states from the cache. */
void matcher_cached(struct matcher *m, const struct cache *c, const uint32_t *which, size_t n);
const struct model_watch *matcher_student(struct matcher *m);
/* What the micro-batch added to the loss of the step (times N). */
double matcher_loss(const struct matcher *m);
/* Gradients of the projections, to be summed over ranks, and their update: `how` as the student's,
 * with rate as a share of the peak. */
double *matcher_gradients(struct matcher *m, size_t *n);
void matcher_update(struct matcher *m, const struct adamw *how);

#endif
