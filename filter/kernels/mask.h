/*
 * Class masks of text: for every byte one bit "part of an ASCII word" ([0-9A-Za-z_]) and one bit
 * "not ASCII", 64 bytes a word, least significant bit first.  Bits past the end are zero.
 */
#ifndef FILTER_KERNELS_MASK_H
#define FILTER_KERNELS_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void mask_fn(const unsigned char *p, size_t n, uint64_t *word, uint64_t *high);

struct mask_kernel {
    const char *name;
    bool (*usable)(void);
    mask_fn *run;
};

/* Fastest first, the reference last; NULL name ends. */
extern const struct mask_kernel mask_kernels[];
const struct mask_kernel *mask_best(void);

#endif
