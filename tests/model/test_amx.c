/*
 * The table for AMX, all of its source but the six instructions, on any machine: these are emulated
 * (emulated_tiles.h).  This program has a micro_bf16_amx of its own, so the linker leaves the real
 * one out, and every product in BF16 that the library computes here runs in emulated tiles: packing,
 * edges, cuts along k, threads, whole passes of a model.
 */
#include "tests/model/emulated_tiles.h"
#include "tests/model/pass.h"
#include "tests/model/products.h"

#include "core/processor.h"
#include "model/kernels/amx.h"

static bool usable(void)
{
    return processor_allows(PROCESSOR_AMX_BF16);
}

#define MICRO micro_bf16_amx
#include "model/kernels/micro_amx_body.h"

/* Everything that a test began with tiles, it ended. */
static void check_released(void)
{
    assert_int_equal(atomic_load(&emulated.configured), 0);
    assert_true(atomic_exchange(&emulated.dots, 0) > 0);
}

static void test_chosen(void **state)
{
    (void)state;
    assert_string_equal(gemm_half_name(), "amx");
    assert_ptr_equal(micro_best(true), &micro_bf16_amx);
    processor_limit("avx512");
    assert_ptr_not_equal(micro_best(true), &micro_bf16_amx);
    processor_limit(NULL);
}

/* Rows, columns and depths around tiles (16), blocks and steps (32) and strips (640 deep, 512 rows);
 * a row, a column, nothing along k. */
static void test_products(void **state)
{
    static const int64_t sizes[][3] = {{1, 1, 1},    {1, 300, 33},  {300, 1, 31},  {16, 16, 32},
                                       {17, 16, 33}, {16, 17, 15},  {32, 32, 64},  {33, 31, 63},
                                       {31, 33, 17}, {48, 40, 640}, {20, 50, 641}, {70, 65, 1301},
                                       {7, 5, 0},    {8, 576, 100}, {330, 200, 9}, {530, 36, 70}};
    struct pool *pool = pool_new(3);
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_kinds(sizes[i], true, (float)(i % 3), pool);
    pool_free(pool);
    check_released();
}

static void test_tile(void **state)
{
    (void)state;
    check_table(&micro_bf16_amx);
    check_released();
}

static void test_bits(void **state)
{
    (void)state;
    check_threads(330, 260, true);
    check_released();
}

/* A whole pass, forward and backward. */
static void test_model(void **state)
{
    test_half(state);
    check_released();
}

/* Numbers that BF16 cannot tell from zero, and those that are none. */
static void test_special(void **state)
{
    float a[32] = {1e-39f, -1e-39f, 0x1p-70f}, b[32] = {1e30f, 1e30f, 0x1p-70f}, c = 1;
    struct gemm g = {.m = 1, .n = 1, .k = 32, .a = a, .b = b, .c = &c, .lda = 32, .ldb = 1};
    (void)state;
    g.ldc = 1;
    g.alpha = 1;
    g.half = true;
    gemm_one(&g);
    assert_true(c == 0); /* denormal operands and a denormal product */
    a[1] = INFINITY;
    gemm_one(&g);
    assert_true(isinf(c) && c > 0);
    a[0] = -INFINITY;
    gemm_one(&g);
    assert_true(isnan(c));
}

/* Tiles that are forgotten now and then: what comes out is the same to the bit. */
static void test_lost(void **state)
{
    enum { M = 70, N = 90, K = 200 };
    float *a = numbers(M * K, 1), *b = numbers(N * K, 2), *c = numbers(M * N, 3);
    float *d = numbers(M * N, 3);
    struct gemm g = {.m = M, .n = N, .k = K, .a = a, .b = b, .c = c, .lda = K, .ldb = N, .ldc = N};
    (void)state;
    g.alpha = 1;
    g.beta = 1;
    g.half = true;
    gemm_one(&g);
    g.c = d;
    emulated.lose_every = 211;
    gemm_one(&g);
    assert_true(atomic_exchange(&emulated.lost, 0) > 3);
    assert_memory_equal(c, d, M * N * sizeof *c);
    emulated.lose_every = 10; /* none is ever whole */
    gemm_one(&g);
    emulated.lose_every = 0;
    assert_true(isnan(d[0]) && isnan(d[M * N - 1]));
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
}

/* What is asked before AMX is used: right products pass; wrong ones, a fault and lost tiles do not. */
static void test_check(void **state)
{
    (void)state;
    assert_null(amx_check(&micro_bf16_amx));
    emulated.wrong_products = true;
    assert_string_equal(amx_check(&micro_bf16_amx), "left out: its products are wrong");
    emulated.wrong_products = false;
    emulated.refused = true;
    assert_string_equal(amx_check(&micro_bf16_amx), "left out: its instructions are refused");
    emulated.refused = false;
    emulated.lose_every = 10;
    assert_string_equal(amx_check(&micro_bf16_amx), "left out: its products are wrong");
    emulated.lose_every = 0;
    assert_null(amx_check(&micro_bf16_amx));
    assert_int_equal(atomic_load(&emulated.configured), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chosen),  cmocka_unit_test(test_products),
        cmocka_unit_test(test_tile),    cmocka_unit_test(test_bits),
        cmocka_unit_test(test_model),   cmocka_unit_test(test_lost),
        cmocka_unit_test(test_special), cmocka_unit_test(test_check),
    };
    processor_limit(NULL); /* the emulated tiles, whatever else is asked for */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
