/*
 * Checkpoints: what a run needs to go on bit for bit.
 *
 *     OUT/checkpoints/step-00000120/state.safetensors   values, first, second: the flat blocks
 *                                                       (and those of projections, where matched)
 *                                   state.json          the point, the identities, a digest
 *     OUT/checkpoints/best-00000080/                    the same with values alone
 *
 * A checkpoint is written into a folder of another name, synced, and renamed when it is whole:
 * a folder with its final name is complete.  The digest of the blocks is checked when it is read;
 * a damaged checkpoint is passed over for the one before it.  Everything random in training is a
 * function of the seed and the step, so the point needs no generator state.
 */
#ifndef TRAIN_RESUME_H
#define TRAIN_RESUME_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "train/learner.h"

#include <stdbool.h>
#include <stdint.h>

/* Where a run stands: after `step` steps. */
struct resume_point {
    uint64_t step;
    uint64_t epoch, in_epoch; /* the next step is steps[in_epoch] of that epoch's plan */
    uint64_t tokens, supervised;
    double seconds; /* of training, over all runs */
    double before;  /* held-out loss of the untrained student; NAN: not measured */
    double best;    /* lowest held-out loss; NAN: none yet, or its weights are gone */
    uint64_t best_step;
    uint64_t worse;   /* measurements since the best */
    double last;      /* held-out loss when last measured; NAN */
    double statistic; /* of distillation's temperature schedule, in the last step; NAN: none */
    bool stopped;     /* early stopping or the time limit ended the run here */
};

/* What must agree for a checkpoint to be continued. */
struct resume_identity {
    const char *recipe; /* settings_identity */
    const char *data;   /* hex digests */
    const char *student;
};

/* Write the checkpoint of a point (or, with best, the weights alone as the best).  On failure
 * nothing is left behind and older checkpoints are untouched. */
int resume_write(struct learner *l, const char *out, const struct resume_point *at,
                 const struct resume_identity *identity, bool best, struct error *error);

/* Load the newest whole checkpoint of this identity into the learner.  1 loaded, 0 there is none,
 * -1 failure: one is there but belongs to another run (ERROR_USAGE, naming what differs), or
 * cannot be read.  `passed` (may be NULL) gets a line for each damaged one. */
int resume_load(struct learner *l, const char *out, const struct resume_identity *identity,
                struct resume_point *at, struct buf *passed, struct error *error);
/* The best weights, those of at->best_step, into the model's values. */
int resume_load_best(struct learner *l, const char *out, const struct resume_point *at,
                     struct error *error);

/* Remove all but the newest `keep` checkpoints, best weights of steps before `best_step`, and what
 * a crash left half written. */
int resume_prune(const char *out, uint64_t keep, uint64_t best_step, struct error *error);
/* Remove the checkpoints and best weights that are not of this identity, or all of them. */
int resume_remove(const char *out, const struct resume_identity *identity, bool all,
                  struct error *error);
/* "OUT/checkpoints/step-00000120" (or "best-…"), allocated. */
char *resume_path(const char *out, uint64_t step, bool best);
/* Bytes one checkpoint of the learner's model takes. */
int64_t resume_bytes(const struct learner *l);

#endif
