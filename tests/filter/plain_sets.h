/* Sets of shingles compared the plain way: what the faster ways are held to. */
#ifndef TESTS_FILTER_PLAIN_SETS_H
#define TESTS_FILTER_PLAIN_SETS_H

#include "filter/shingle.h"

#include <stdlib.h>

static inline int plain_order(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sort the items and drop repeats. */
static inline void plain_set(struct shingler *s)
{
    size_t kept = 0;
    if (s->n > 0)
        qsort(s->items, s->n, sizeof *s->items, plain_order);
    for (size_t i = 0; i < s->n; i++)
        if (kept == 0 || s->items[i] != s->items[kept - 1])
            s->items[kept++] = s->items[i];
    s->n = kept;
}

/* Jaccard of two such sets; two empty ones are alike (1). */
static inline double plain_jaccard(const struct shingler *a, const struct shingler *b)
{
    size_t i = 0, k = 0, both = 0;
    if (a->n == 0 && b->n == 0)
        return 1;
    while (i < a->n && k < b->n) {
        const uint64_t x = a->items[i], y = b->items[k];
        both += x == y;
        i += x <= y;
        k += y <= x;
    }
    return (double)both / (double)(a->n + b->n - both);
}

#endif
