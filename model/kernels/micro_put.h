/*
 * The sums of a tile go into c: c = alpha * sums + beta * c.  With the types that packing needs too,
 * a part of every table (micro_body.h, micro_amx_body.h).
 */
#include "model/kernels/micro.h"

#include <string.h>

/* Numbers of a vector: no more than a register has, since gcc keeps sums that need two in memory. */
#ifndef MICRO_LANES
#define MICRO_LANES 16
#endif

enum { LANES = MICRO_LANES };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef uint32_t word_lanes __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef float lanes_anywhere
    __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef uint32_t words_anywhere
    __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

#define ALWAYS static inline __attribute__((always_inline))

#ifndef MICRO_UNIT
#define MICRO_UNIT (MICRO_HALF ? 2 : 1)
#endif

/* Words of a lane of a strip: numbers, or pairs of them, filled up to the table's unit. */
ALWAYS int64_t words_deep(int64_t depth)
{
    return (depth + MICRO_UNIT - 1) / MICRO_UNIT * MICRO_UNIT / (MICRO_HALF ? 2 : 1);
}

/* One vector of a row of c. */
ALWAYS void put(float *c, const lanes *sum, const struct micro_tile *t)
{
    if (t->beta == 0)
        *(lanes_anywhere *)(void *)c = t->alpha * *sum;
    else if (t->beta == 1)
        *(lanes_anywhere *)(void *)c = *(const lanes_anywhere *)(const void *)c + t->alpha * *sum;
    else
        *(lanes_anywhere *)(void *)c =
            t->beta * *(const lanes_anywhere *)(const void *)c + t->alpha * *sum;
}

/* The sums of a tile, `vectors` a row, into c, all columns of which are there. */
ALWAYS void put_full(const lanes *sums, int vectors, const struct micro_tile *t)
{
    float *c = t->c;
    for (int64_t r = 0; r < t->rows; r++, c += t->ldc, sums += vectors)
        for (int v = 0; v < vectors; v++)
            put(c + v * LANES, &sums[v], t);
}

static void put_part(const lanes *sums, int vectors, const struct micro_tile *t)
{
    for (int64_t r = 0; r < t->rows; r++) {
        for (int v = 0; v < vectors; v++, sums++) {
            const int64_t left = t->cols - v * LANES, n = left < LANES ? left : LANES;
            float *c = t->c + r * t->ldc + v * LANES, row[LANES];
            if (n <= 0)
                continue;
            memset(row, 0, sizeof row);
            memcpy(row, c, (size_t)n * sizeof *row);
            put(row, sums, t);
            memcpy(c, row, (size_t)n * sizeof *row);
        }
    }
}

/* A copy of the loop for each kind of beta, so that the choice is made once. */
static void put_tile(const lanes *sums, int vectors, const struct micro_tile *t)
{
    struct micro_tile known = *t;
    if (t->cols != vectors * LANES) {
        put_part(sums, vectors, t);
    } else if (t->beta == 0) {
        known.beta = 0;
        put_full(sums, vectors, &known);
    } else if (t->beta == 1) {
        known.beta = 1;
        put_full(sums, vectors, &known);
    } else {
        put_full(sums, vectors, t);
    }
}
