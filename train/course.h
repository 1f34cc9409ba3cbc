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

#include <stddef.h>
#include <stdint.h>

struct course {
    struct pack pack; /* of `epoch`; its order[] numbers examples of the set */
    uint64_t epoch;
    uint64_t total;        /* steps of the whole run */
    uint64_t first_epoch;  /* steps of epoch 0 */
    uint32_t *lengths;     /* of the training examples */
    const uint32_t *which; /* training examples in the set; borrowed */
    size_t n;
    struct pack_limits limits;
    uint64_t seed;
};

/* which[0 .. n): the examples to train on.  steps 0: `epochs` times through them. */
void course_open(struct course *c, const struct examples *e, const uint32_t *which, size_t n,
                 const struct pack_limits *limits, uint64_t seed);
void course_count(struct course *c, double epochs, uint64_t steps); /* sets total, first_epoch */
void course_close(struct course *c);

/* Step *in_epoch of *epoch; both move on to the next epoch where this one has ended. */
const struct pack_step *course_at(struct course *c, uint64_t *epoch, uint64_t *in_epoch);

#endif
