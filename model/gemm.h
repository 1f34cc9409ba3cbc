/*
 * Single-precision matrix products, and the same with operands rounded to BF16.  Our own tiles
 * (model/kernels/micro.h) where the processor has AVX2 or more; elsewhere OpenBLAS, one thread a
 * call, where the machine has it (model/blas.h).  Products are cut into tiles by their shape alone,
 * so that the result is the same bits for any number of threads; our own pool runs the tiles.
 * RETORT_GEMM=openblas or own chooses by hand.
 */
#ifndef MODEL_GEMM_H
#define MODEL_GEMM_H

#include "core/pool.h"

#include <stdbool.h>
#include <stdint.h>

/* c [m, n] = alpha op(a) op(b) + beta c, row-major; ld*: elements from row to row as stored. */
struct gemm {
    int64_t m, n, k;
    const float *a;
    const void *b; /* float, or BF16 when b_half */
    float *c;
    int64_t lda, ldb, ldc;
    bool ta, tb;
    float alpha, beta;
    bool b_half;
    bool half; /* operands rounded to BF16, sums in float */
};

void gemm_one(const struct gemm *g);                    /* in the calling thread */
void gemm_run(struct pool *pool, const struct gemm *g); /* in tiles, on all threads */

/* Time spent inside of products so far, summed over threads (for the share of a step). */
double gemm_seconds(void);
void gemm_spend(int64_t start); /* count the time since `start` (clock_ns) as well */
const char *gemm_library(void); /* "own avx512", "OpenBLAS 0.3.21 Zen" */
bool gemm_converts(void);       /* does b_half cost nothing, as our own tiles pack it anyway? */
/* What multiplies BF16 in hardware ("amx", "avx512"), or NULL: then `half` works, slowly. */
const char *gemm_half_name(void);
/* Why AMX is used or not: kernels/amx.h. */
const char *gemm_amx_state(void);

#endif
