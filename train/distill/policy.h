/*
 * On policy: some rows of each step are answered by the student itself, and what it wrote is scored
 * by the teacher (GKD, MiniLLM): it learns where its own path leads.
 *
 * Which rows, and each token drawn, are functions of seed, step and row: the same with any number of
 * ranks or micro-batches, and after any interruption.
 */
#ifndef TRAIN_DISTILL_POLICY_H
#define TRAIN_DISTILL_POLICY_H

#include "core/error.h"
#include "model/model.h"
#include "train/distill/options.h"
#include "train/examples.h"

#include <stddef.h>
#include <stdint.h>

struct policy;

struct policy_setup {
    const struct distill_policy *options;
    const struct examples *examples;
    uint64_t seed;
    uint32_t max_length;
    int32_t vocab; /* ids below it may be drawn */
    const int32_t *stops;
    int32_t n_stops;
};

struct policy *policy_new(const struct policy_setup *s);
void policy_free(struct policy *p);

/* Draw the replies of a step for those of which[0 .. n) that fall on policy. */
int policy_draw(struct policy *p, struct model *m, const uint32_t *which, size_t n, uint64_t step,
                struct error *error);
/* Does this row fall on policy in this step? */
bool policy_picks(const struct policy *p, uint32_t example, uint64_t step);
/* The rows that were drawn, and the number among them of an example (UINT32_MAX: none). */
const struct examples *policy_rows(const struct policy *p);
uint32_t policy_find(const struct policy *p, uint32_t example);

#endif
