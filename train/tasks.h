/*
 * Multi-task sampling: how often each task is seen in an epoch.
 *
 * An epoch over n examples takes n of them, task t about n * size_t^power / sum size^power times: at
 * 1 as often as it stands there (every example once), at 0 every task as often as any other.  A
 * task's examples are gone through in a permutation, then in another; the next epoch goes on where
 * this one ended.  All of it is a function of sizes, power, seed and epoch.
 */
#ifndef TRAIN_TASKS_H
#define TRAIN_TASKS_H

#include <stddef.h>
#include <stdint.h>

struct tasks {
    const uint64_t *of; /* [n] which task each example is of: any numbers */
    size_t n;
    double power;
    uint64_t seed;
};

/* out [n]: places in of[]. */
void tasks_epoch(const struct tasks *t, uint64_t epoch, uint32_t *out);

#endif
