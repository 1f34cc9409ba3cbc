/*
 * The rows that share their key of a band with another.  Most rows are alone with theirs
 * (filter/twice.h); only the others are sorted.
 */
#ifndef FILTER_MEETINGS_H
#define FILTER_MEETINGS_H

#include "core/error.h"
#include "filter/index.h"

#include <stdbool.h>

/* A row and its key in one number, so that sorting these sorts by key, then by row. */
static inline uint64_t meetings_keyed(uint32_t key, uint32_t row)
{
    return (uint64_t)key << 32 | row;
}

static inline uint32_t meetings_row(uint64_t keyed)
{
    return (uint32_t)keyed;
}

static inline bool meetings_same(uint64_t a, uint64_t b)
{
    return (a ^ b) >> 32 == 0;
}

struct meetings {
    const struct index *x;
    int band;
    const uint32_t *rows; /* those that take part, ascending */
    size_t n;
};

/* Rows and keys, sorted, in memory that the caller frees; some may be alone with their key all the
 * same. */
int meetings_find(const struct meetings *m, uint64_t **out, size_t *n, struct error *error);

#endif
