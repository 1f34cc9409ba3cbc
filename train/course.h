/*
 * The course of a run: which optimiser step comes when.
 *
 * Epoch after epoch is planned by pack_epoch; the course counts the steps of all of them (epochs
 * may end in a fraction) and walks through them.  It is a function of lengths, limits and seed.
 */
#ifndef TRAIN_COURSE_H
#define TRAIN_COURSE_H

#include "train/examples.h"
#include "train/pack.h"
#include "train/tasks.h"

#include <stddef.h>
#include <stdint.h>

struct course {
    struct pack pack; /* of `epoch`; its order[] numbers examples of the set */
    uint64_t epoch;
    uint64_t total;                  /* steps of the whole run */
    uint64_t first_epoch;            /* steps of epoch 0 */
    uint32_t *lengths;               /* of the epoch's examples */
    const struct examples *examples; /* borrowed */
    const uint32_t *which;           /* training examples in the set; borrowed */
    size_t n;
    struct pack_limits limits;
    uint64_t seed;
    struct tasks tasks; /* of 0: every example once an epoch */
    uint32_t *drawn;    /* this epoch's places in which[] */
    uint64_t *task_of;
};

/* which[0 .. n): the examples to train on.  steps 0: `epochs` times through them. */
void course_open(struct course *c, const struct examples *e, const uint32_t *which, size_t n,
                 const struct pack_limits *limits, uint64_t seed);
/* Draw epochs by task: power is that of a task's size (tasks.h).  Before course_count. */
void course_by_task(struct course *c, const struct examples *e, double power);
void course_count(struct course *c, double epochs, uint64_t steps); /* sets total, first_epoch */
void course_close(struct course *c);

/* Step *in_epoch of *epoch; both move on to the next epoch where this one has ended. */
const struct pack_step *course_at(struct course *c, uint64_t *epoch, uint64_t *in_epoch);

#endif
