/*
 * Lists of candidate pairs of rows.
 */
#ifndef FILTER_PAIRS_H
#define FILTER_PAIRS_H

#include <stddef.h>
#include <stdint.h>

struct pair {
    uint32_t a, b; /* places in the index, a < b */
};

struct pairs {
    struct pair *items;
    size_t n, cap;
    size_t met, split; /* pairs that met in a band, with repeats; oversized buckets */
    size_t left_out;   /* pairs that were candidates but for the bound of filter/closest.h */
};

/* Append the pair, in any order of its rows. */
void pairs_push(struct pairs *p, uint32_t a, uint32_t b);
/* Append all of `more` and free it. */
void pairs_take(struct pairs *p, struct pairs *more);
void pairs_sort(struct pair *items, size_t n); /* by a, then b */
/* By a, then b; each once. */
void pairs_distinct(struct pairs *p);
void pairs_free(struct pairs *p);

#endif
