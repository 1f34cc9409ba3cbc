/* Products and tables of tiles against three naive loops in double: what the tests of both share. */
#ifndef TESTS_MODEL_PRODUCTS_H
#define TESTS_MODEL_PRODUCTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/pool.h"
#include "core/rng.h"
#include "model/gemm.h"
#include "model/half.h"
#include "model/kernels/micro.h"

#include <math.h>
#include <string.h>

static inline float *numbers(size_t n, uint64_t stream)
{
    float *x = mem_alloc((n + 1) * sizeof *x);
    struct rng rng = rng_new(3, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(rng_uniform(&rng) * 2 - 1);
    x[n] = NAN; /* nobody may read behind the end and use it */
    return x;
}

static inline uint16_t *halves(const float *x, size_t n)
{
    uint16_t *h = mem_alloc(n * sizeof *h);
    for (size_t i = 0; i < n; i++)
        h[i] = half_to_bf16(x[i]);
    return h;
}

static inline double value(float x, bool half)
{
    return (double)(half ? half_from_bf16(half_to_bf16(x)) : x);
}

/* Element [i, j] and the sum of its terms' sizes, which scales the rounding allowed. */
static inline double naive(const struct gemm *g, const float *b, int64_t i, int64_t j, double *size)
{
    double sum = 0;
    *size = 0;
    for (int64_t p = 0; p < g->k; p++) {
        const double x = value(g->a[g->ta ? p * g->lda + i : i * g->lda + p], g->half);
        const double y = value(b[g->tb ? j * g->ldb + p : p * g->ldb + j], g->half || g->b_half);
        sum += x * y;
        *size += fabs(x * y);
    }
    return (double)g->alpha * sum;
}

static inline void check_values(const struct gemm *g, const float *b)
{
    const int64_t down = g->m > 60 ? 41 : 1, right = g->n > 60 ? 37 : 1;
    for (int64_t i = 0; i < g->m; i += down) {
        for (int64_t j = 0; j < g->n; j += right) {
            double size, expected = naive(g, b, i, j, &size);
            const double error = fabs((double)g->c[i * g->ldc + j] - expected -
                                      (g->beta != 0 ? (double)g->beta * 3 : 0));
            assert_true(error <=
                        1e-6 * (size * fabs((double)g->alpha) + 3 * fabs((double)g->beta)) + 1e-30);
        }
    }
}

/* The product g, whose sizes and kind are set; columns behind c's must stay as they are. */
static inline void check(struct gemm g, struct pool *pool)
{
    const size_t a_size = (size_t)(g.m * g.k), b_size = (size_t)(g.n * g.k);
    float *a = numbers(a_size, 1), *b = numbers(b_size, 2), *c;
    uint16_t *h = halves(b, b_size);
    g.ldc = g.n + 3;
    c = mem_alloc((size_t)(g.m * g.ldc) * sizeof *c);
    for (int64_t i = 0; i < g.m * g.ldc; i++)
        c[i] = i % g.ldc < g.n && g.beta == 0 ? NAN : 3;
    g.a = a;
    g.b = g.b_half ? (const void *)h : (const void *)b;
    g.c = c;
    g.lda = g.ta ? g.m : g.k;
    g.ldb = g.tb ? g.k : g.n;
    gemm_run(pool, &g);
    check_values(&g, b);
    for (int64_t i = 0; i < g.m; i++)
        for (int64_t j = g.n; j < g.ldc; j++)
            assert_true(c[i * g.ldc + j] == 3);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(h);
}

/* The same bits for 1 and 3 threads, and for a row alone. */
static inline void check_threads(int64_t m, int64_t n, bool half)
{
    enum { K = 70 };
    const int64_t row = m * 15 / 16;
    float *a = numbers((size_t)m * K, 1), *b = numbers(K * (size_t)n, 2);
    float *c = mem_zero((size_t)(m * n), sizeof *c), *d = mem_zero((size_t)(m * n), sizeof *d);
    struct gemm g = {.m = m, .n = n, .k = K, .a = a, .b = b, .c = c, .alpha = 1, .half = half};
    struct pool *pool = pool_new(3);
    g.lda = K;
    g.ldb = g.ldc = n;
    gemm_run(NULL, &g);
    g.c = d;
    gemm_run(pool, &g);
    assert_memory_equal(c, d, (size_t)(m * n) * sizeof *c);
    if (gemm_converts() || half) { /* OpenBLAS: threads only */
        g.m = 1;
        g.a = a + row * K;
        gemm_run(pool, &g);
        assert_memory_equal(c + row * n, d, (size_t)n * sizeof *c);
    }
    pool_free(pool);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
}

/* Every kind of product of this size: transposes, operands in BF16, factors. */
static inline void check_kinds(const int64_t size[3], bool half, float beta, struct pool *pool)
{
    for (int kind = 0; kind < 8; kind++) {
        struct gemm g = {.m = size[0], .n = size[1], .k = size[2], .half = half};
        g.ta = (kind & 1) != 0;
        g.tb = (kind & 2) != 0;
        g.b_half = (kind & 4) != 0 && gemm_converts();
        g.alpha = (kind & 1) != 0 ? 0.5f : 1;
        g.beta = beta;
        check(g, kind % 2 == 0 ? pool : NULL);
    }
}

/* One tile of a table by itself. */
static inline void check_tile(const struct micro *m, int rows, int cols, uint32_t *to, uint32_t *tb)
{
    enum { DEPTH = 40, WIDE = 48, HIGH = 32 };
    float *a = numbers(HIGH * DEPTH, 1), *b = numbers(WIDE * DEPTH, 2), c[HIGH * WIDE];
    const struct gemm g = {.m = rows,
                           .n = cols,
                           .k = DEPTH,
                           .a = a,
                           .b = b,
                           .c = c,
                           .lda = DEPTH,
                           .ldb = WIDE,
                           .ldc = WIDE,
                           .alpha = 2,
                           .half = m->half};
    const struct micro_source x = {a, DEPTH, rows, DEPTH, true, false};
    const struct micro_source y = {b, WIDE, cols, DEPTH, false, false};
    const struct micro_tile t = {c, WIDE, rows, cols, DEPTH, 2, 0, m->rows};
    const int deep = (DEPTH + m->unit - 1) / m->unit * m->unit / (m->half ? 2 : 1);
    const int behind_a = deep * m->rows, behind_b = deep * m->cols;
    to[behind_a] = tb[behind_b] = 12345;
    m->pack_a(to, &x);
    m->pack_b(tb, &y);
    assert_true(to[behind_a] == 12345 && tb[behind_b] == 12345); /* another thread's */
    if (m->begin != NULL)
        m->begin();
    m->multiply(to, tb, &t);
    if (m->end != NULL)
        m->end();
    check_values(&g, b);
    mem_free(a);
    mem_free(b);
}

/* a where it stands, with its lanes beside each other, instead of packed. */
static inline void check_in_place(const struct micro *m, uint32_t *strip)
{
    enum { DEPTH = 40, WIDE = 48, HIGH = 32 };
    float *a = numbers(HIGH * DEPTH, 1), *b = numbers(WIDE * DEPTH, 2), c[HIGH * WIDE];
    const struct gemm g = {.m = m->rows,
                           .n = m->cols,
                           .k = DEPTH,
                           .a = a,
                           .b = b,
                           .c = c,
                           .lda = HIGH,
                           .ldb = WIDE,
                           .ldc = WIDE,
                           .ta = true,
                           .alpha = 1};
    const struct micro_source y = {b, WIDE, m->cols, DEPTH, false, false};
    const struct micro_tile t = {c, WIDE, m->rows, m->cols, DEPTH, 1, 0, HIGH};
    m->pack_b(strip, &y);
    m->multiply(a, strip, &t);
    check_values(&g, b);
    mem_free(a);
    mem_free(b);
}

/* A table of tiles by itself: one tile of every size. */
static inline void check_table(const struct micro *m)
{
    uint32_t *to = mem_zero(2 * 64 * 64, sizeof *to);
    for (int rows = 1; rows <= m->rows; rows++)
        for (int cols = 1; cols <= m->cols; cols++)
            check_tile(m, rows, cols, to, to + 64 * 64);
    if (!m->half)
        check_in_place(m, to);
    mem_free(to);
}

#endif
