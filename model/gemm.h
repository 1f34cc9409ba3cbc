/*
 * Single-precision matrix products over OpenBLAS, one thread a call: the only file that sees
 * cblas.h.  Products are cut into tiles by their shape alone, so that the result is the same bits
 * for any number of threads; our own pool runs the tiles.
 */
#ifndef MODEL_GEMM_H
#define MODEL_GEMM_H

#include "core/pool.h"

#include <stdbool.h>
#include <stdint.h>

/* c [m, n] = alpha op(a) op(b) + beta c, row-major; ld*: elements from row to row as stored. */
struct gemm {
    int64_t m, n, k;
    const float *a, *b;
    float *c;
    int64_t lda, ldb, ldc;
    bool ta, tb;
    float alpha, beta;
};

void gemm_one(const struct gemm *g);                    /* in the calling thread */
void gemm_run(struct pool *pool, const struct gemm *g); /* in tiles, on all threads */

/* Time spent inside of products so far, summed over threads (for the share of a step). */
double gemm_seconds(void);
const char *gemm_library(void); /* "OpenBLAS 0.3.21 Cooperlake" */

#endif
