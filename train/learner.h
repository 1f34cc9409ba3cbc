/*
 * The learner: a model, AdamW's moments, and what one optimiser step and one measurement do.
 *
 * A step runs its micro-batches, which accumulate gradients as sums over supervised tokens, and
 * then divides once by the number N of supervised tokens of the whole step.  So the result does
 * not depend on how the step was cut.
 *
 * With several ranks, micro-batch i is rank (i mod count)'s.  Their gradients are summed by the MPI
 * library, in an order of its own; or, with settings->ordered, one micro-batch after the other:
 *
 *     rank 0   g0 ──sum──►            g2 + sum ──►  …
 *     rank 1        g1 + sum ──────────┘
 *
 * each computing its next gradient while the sum is elsewhere.  One process alone adds them in the
 * same order, so the bits do not depend on the number of ranks.
 */
#ifndef TRAIN_LEARNER_H
#define TRAIN_LEARNER_H

#include "core/error.h"
#include "model/model.h"
#include "train/distill/distill.h"
#include "train/distill/policy.h"
#include "train/examples.h"
#include "train/feed.h"
#include "train/pack.h"
#include "train/ranks.h"
#include "train/settings.h"

#include <stddef.h>
#include <stdint.h>

struct learner {
    struct model *model; /* borrowed */
    const struct train_settings *settings;
    const struct examples *examples;
    struct ranks *ranks; /* borrowed; NULL: alone */
    struct encoder_loss encoder;
    struct distill *distill; /* borrowed; NULL: hard labels alone */
    struct policy *policy;   /* borrowed; NULL: no row is answered by the student */
    uint32_t *lists;         /* rows of a micro-batch, and those that are on policy; or of a step */
    size_t cap_lists;
    struct tensor first, second; /* moments, laid out as model_values */
    struct feed feed;
    float *sum, *part; /* host blocks for gradients of several ranks, or added in order */
    double *losses;    /* of each micro-batch LEARNER_SUMS: its loss and its parts */
    size_t cap_losses;
};

enum { LEARNER_SUMS = 6 }; /* loss, soft, hard, statistic, match, labelled rows */

struct learner_step {
    uint64_t number; /* in: from 1 */
    double rate;     /* in: learning rate */
    double loss;     /* mean over supervised tokens, before the update */
    double gradient; /* L2 norm of the mean's gradient, before clipping */
    uint64_t tokens, supervised, rows;
    /* With distillation: the soft and hard parts of the loss and that of matches, and the share of
     * supervised tokens with a soft label.  statistic: in: the schedule's mean in the step before
     * (NAN: none); out: in this one. */
    double soft, hard, match, labelled, statistic;
};

/* Allocate the moments.  The model, settings and examples must outlive the learner. */
int learner_open(struct learner *l, struct model *m, const struct train_settings *settings,
                 const struct examples *examples, struct ranks *ranks, struct error *error);
void learner_close(struct learner *l);

/* One optimiser step; `io` says which and gets what came of it.  A loss or gradient that is not
 * finite is ERROR_FAILED naming the step and the rows; a signal that asks to stop, seen between
 * micro-batches, is ERROR_INTERRUPTED.  Either way the weights stay as they were. */
int learner_step(struct learner *l, const struct pack *p, const struct pack_step *step,
                 struct learner_step *io, struct error *error);

/* Sum of the loss over the examples which[0 .. n), without learning, and how many tokens it sums. */
int learner_measure(struct learner *l, const uint32_t *which, size_t n, double *nll,
                    uint64_t *tokens, struct error *error);

#endif
