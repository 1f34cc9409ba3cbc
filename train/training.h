/*
 * A run of training while it goes on: what the files of train/train.h share.
 *
 *     train.c           begun, stepped through, stopped, finished
 *     training_keep.c   what is measured and kept on the way, and whoever is told of it
 *     training_tell.c   what is said before the first step and reported after the last
 */
#ifndef TRAIN_TRAINING_H
#define TRAIN_TRAINING_H

#include "core/clock.h"
#include "train/journal.h"
#include "train/setup.h"
#include "train/train.h"

struct training {
    const struct train_options *options;
    struct setup setup;
    struct model *model;
    struct ranks *ranks;
    struct learner learner;
    struct policy *policy; /* NULL: no row is answered by the student */
    struct journal journal;
    struct resume_point at;
    uint64_t resumed;          /* the step this process began behind */
    uint64_t saved;            /* step of the newest checkpoint, 0 none */
    int64_t started, saved_ns; /* clock_ns */
    double earlier;            /* seconds of runs before this one */
    uint64_t held_tokens;
};

/* The first of the ranks: the one that writes. */
static inline bool training_leads(const struct training *r)
{
    return ranks_number(r->ranks) == 0;
}

static inline double training_since(int64_t ns)
{
    return (double)(clock_ns() - ns) / 1e9;
}

/* -- training_keep.c -- */

/* The held-out loss into the point, the journal and the hook, samples with it; the best weights are
 * kept, and early stopping sets at.stopped. */
int training_measure(struct training *r, struct error *error);
bool training_measure_due(const struct training *r);
/* Keep the point, unless it is kept already; older checkpoints go. */
int training_checkpoint(struct training *r, struct error *error);
bool training_checkpoint_due(const struct training *r);

/* -- training_tell.c -- */

/* Memory, time and what is learnt, said and put into the report; -1 where it cannot fit. */
int training_preflight(struct training *r, struct json *report, struct error *error);
/* The finished run. */
void training_describe(const struct training *r, struct json *report);

#endif
