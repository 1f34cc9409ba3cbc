/*
 * Matrix products against three naive loops in double: every table of tiles that runs here, all
 * transposes, sizes around and beyond the tiles' edges, floats and BF16, any number of threads.
 */
#include "core/mem.h"
#include "core/pool.h"
#include "core/rng.h"
#include "model/gemm.h"
#include "model/half.h"
#include "model/kernels/micro.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static float *numbers(size_t n, uint64_t stream)
{
    float *x = mem_alloc((n + 1) * sizeof *x);
    struct rng rng = rng_new(3, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(rng_uniform(&rng) * 2 - 1);
    x[n] = NAN; /* nobody may read behind the end and use it */
    return x;
}

static uint16_t *halves(const float *x, size_t n)
{
    uint16_t *h = mem_alloc(n * sizeof *h);
    for (size_t i = 0; i < n; i++)
        h[i] = half_to_bf16(x[i]);
    return h;
}

static double value(float x, bool half)
{
    return (double)(half ? half_from_bf16(half_to_bf16(x)) : x);
}

/* Element [i, j] and the sum of its terms' sizes, which scales the rounding allowed. */
static double naive(const struct gemm *g, const float *b, int64_t i, int64_t j, double *size)
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

static void check_values(const struct gemm *g, const float *b)
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
static void check(struct gemm g, struct pool *pool)
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

static void test_products(void **state)
{
    static const int64_t sizes[][3] = {{1, 1, 1},     {2, 17, 3},    {13, 33, 7},   {14, 32, 16},
                                       {15, 31, 129}, {64, 64, 64},  {29, 400, 40}, {1030, 780, 19},
                                       {40, 50, 700}, {530, 24, 65}, {7, 5, 0}};
    struct pool *pool = pool_new(3);
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int kind = 0; kind < 16; kind++) {
            struct gemm g = {.m = sizes[i][0], .n = sizes[i][1], .k = sizes[i][2]};
            g.ta = (kind & 1) != 0;
            g.tb = (kind & 2) != 0;
            g.b_half = (kind & 4) != 0 && gemm_converts();
            g.half = (kind & 8) != 0;
            g.alpha = (kind & 1) != 0 ? 0.5f : 1;
            g.beta = (float)((kind + (int)i) % 3);
            check(g, kind % 2 == 0 ? pool : NULL);
        }
    }
    pool_free(pool);
}

/* The same bits for 1 and 3 threads, and for a row alone. */
static void test_threads(void **state)
{
    struct gemm g = {.m = 1100, .n = 900, .k = 70, .alpha = 1, .lda = 70, .ldb = 900, .ldc = 900};
    struct pool *pool = pool_new(3);
    float *a = numbers(1100 * 70, 1), *b = numbers(70 * 900, 2);
    float *c = mem_zero(1100 * 900, sizeof *c), *d = mem_zero(1100 * 900, sizeof *d);
    (void)state;
    for (int half = 0; half < 2; half++) {
        g.a = a;
        g.b = b;
        g.half = half != 0;
        g.m = 1100;
        g.c = c;
        gemm_run(NULL, &g);
        g.c = d;
        gemm_run(pool, &g);
        assert_memory_equal(c, d, 1100 * 900 * sizeof *c);
        if (!gemm_converts() && half == 0)
            continue; /* OpenBLAS: threads only */
        g.m = 1;
        g.a = a + 1037 * 70;
        gemm_run(pool, &g);
        assert_memory_equal(c + 1037 * 900, d, 900 * sizeof *c);
    }
    pool_free(pool);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
}

/* A table of tiles by itself: one tile of every size. */
static void check_table(const struct micro *m)
{
    enum { DEPTH = 40, WIDE = 48 };
    float *a = numbers(16 * DEPTH, 1), *b = numbers(WIDE * DEPTH, 2), c[16 * WIDE];
    uint32_t *to = mem_zero(2 * 64 * 64, sizeof *to), *tb = to + 64 * 64;
    for (int rows = 1; rows <= m->rows; rows++) {
        for (int cols = 1; cols <= m->cols; cols++) {
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
            const struct micro_tile t = {c, WIDE, rows, cols, DEPTH, 2, 0};
            const size_t deep = m->half ? (DEPTH + 1) / 2 : DEPTH;
            const size_t behind_a = deep * (size_t)m->rows, behind_b = deep * (size_t)m->cols;
            to[behind_a] = tb[behind_b] = 12345;
            m->pack_a(to, &x);
            m->pack_b(tb, &y);
            assert_true(to[behind_a] == 12345 && tb[behind_b] == 12345); /* another thread's */
            m->multiply(to, tb, &t);
            check_values(&g, b);
        }
    }
    mem_free(a);
    mem_free(b);
    mem_free(to);
}

static void test_tables(void **state)
{
    (void)state;
    for (size_t i = 0; micro_tables[i] != NULL; i++)
        if (micro_tables[i]->usable())
            check_table(micro_tables[i]);
    for (size_t i = 0; micro_half_tables[i] != NULL; i++)
        if (micro_half_tables[i]->usable())
            check_table(micro_half_tables[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
