/*
 * Packing: which examples make up an optimiser step, and how a step is cut into micro-batches.
 *
 * Examples are never cut and never padded: a micro-batch is a run of whole examples laid end to
 * end, between which attention does not look and positions start again at 0.
 *
 * The order is a permutation from (seed, epoch).  Steps are filled by best fit: each example goes
 * into the fullest of the open steps that still has room; when OPEN_MAX are open and none fits,
 * the fullest is closed.  Within a step, micro-batches are filled best fit, longest first.  The
 * plan depends on lengths, limits, seed and epoch only, so a resumed run makes it again.
 */
#ifndef TRAIN_PACK_H
#define TRAIN_PACK_H

#include <stddef.h>
#include <stdint.h>

struct pack_limits {
    uint32_t step_tokens;  /* tokens an optimiser step, at most (a longer example stands alone) */
    uint32_t step_rows;    /* examples a step, at most; 0: as many as fit */
    uint32_t micro_tokens; /* tokens a micro-batch, at most (a longer example stands alone) */
};

struct pack_micro {
    size_t first, count; /* examples order[first .. first + count) */
    uint32_t tokens;
};

struct pack_step {
    size_t first, count; /* micro-batches micros[first .. first + count) */
    size_t first_example, examples;
    uint32_t tokens;
};

struct pack {
    uint32_t *order; /* example numbers, n of them */
    size_t n;
    struct pack_micro *micros;
    size_t n_micros, cap_micros;
    struct pack_step *steps;
    size_t n_steps, cap_steps;
};

#define PACK ((struct pack){NULL, 0, NULL, 0, 0, NULL, 0, 0})

/* Plan one epoch over n examples of lengths[i] tokens; the plan before it is replaced. */
void pack_epoch(struct pack *p, const uint32_t *lengths, size_t n, const struct pack_limits *limits,
                uint64_t seed, uint64_t epoch);
void pack_free(struct pack *p);

#endif
