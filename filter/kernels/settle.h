/*
 * Sorting numbers that are nearly sorted: none is more than a few places from its own.
 */
#ifndef FILTER_KERNELS_SETTLE_H
#define FILTER_KERNELS_SETTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settle_kernel {
    const char *name;
    bool (*usable)(void);
    void (*run)(uint64_t *keys, size_t n); /* ascending */
};

/* Fastest first, the reference last; NULL name ends. */
extern const struct settle_kernel settle_kernels[];
const struct settle_kernel *settle_best(void);
/* The reference, and the quickest for a handful: by insertion. */
void settle_insertion(uint64_t *keys, size_t n);

#endif
