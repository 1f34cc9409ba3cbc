/*
 * Exact verification of candidate pairs: fetch the texts, judge each pair (filter/similar.h).
 *
 * Rows are taken in the order of the connected components of the candidates and in blocks of
 * bounded size, of which two are in memory at a time: most pairs fall into one block.
 */
#ifndef FILTER_VERIFY_H
#define FILTER_VERIFY_H

#include "core/error.h"
#include "core/pool.h"
#include "filter/index.h"
#include "filter/pairs.h"
#include "filter/similar.h"
#include "filter/source.h"

struct verified {
    uint32_t a, b; /* a < b */
    struct similar_result result;
};

struct verify {
    const struct index *x;
    const struct source *source; /* of the texts of the rows */
    enum similar_fields fields;
    double threshold;
    struct pool *pool;
    /* Called for each pair that reaches the threshold, in an order that does not depend on the
     * threads.  0, or -1 with the error set. */
    int (*found)(void *context, const struct verified *v, struct error *error);
    void *context;
};

int verify_pairs(const struct verify *v, const struct pair *pairs, size_t n, struct error *error);

#endif
