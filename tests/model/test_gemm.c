/*
 * Matrix products against three naive loops in double: every table of tiles that runs here, all
 * transposes, sizes around and beyond the tiles' edges, floats and BF16, any number of threads.
 */
#include "tests/model/products.h"

static void test_products(void **state)
{
    static const int64_t sizes[][3] = {{1, 1, 1},     {2, 17, 3},    {13, 33, 7},   {14, 32, 16},
                                       {15, 31, 129}, {64, 64, 64},  {29, 400, 40}, {1030, 780, 19},
                                       {40, 50, 700}, {530, 24, 65}, {7, 5, 0}};
    struct pool *pool = pool_new(3);
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_kinds(sizes[i], false, (float)(i % 3), pool);
        check_kinds(sizes[i], true, (float)((i + 1) % 3), pool);
    }
    pool_free(pool);
}

static void test_threads(void **state)
{
    (void)state;
    check_threads(1100, 900, false);
    check_threads(1100, 900, true);
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

/* Word `at` of a lane: two neighbours along k, rounded, zeros where there is nothing. */
static uint32_t word(const struct micro_source *s, int64_t lane, int64_t at)
{
    uint32_t word = 0;
    for (int64_t p = 2 * at; p < 2 * at + 2 && p < s->depth && lane < s->lanes; p++) {
        const int64_t i = s->along ? lane * s->stride + p : p * s->stride + lane;
        const uint16_t h =
            s->half ? ((const uint16_t *)s->data)[i] : half_to_bf16(((const float *)s->data)[i]);
        word |= (uint32_t)h << (p % 2 * 16);
    }
    return word;
}

/* The strips of AMX, whose tiles few machines have: packing them takes AVX512_BF16 only. */
static void test_strips_of_amx(void **state)
{
    enum { LANES = 45, DEPTH = 77, STRIDE = 90, SIDE = 32, WORDS = 48 };
    float *x = numbers(STRIDE * STRIDE, 1);
    uint16_t *h = halves(x, STRIDE * STRIDE);
    uint32_t *a = mem_alloc(2 * SIDE * WORDS * sizeof *a),
             *b = mem_alloc(2 * SIDE * WORDS * sizeof *b);
    (void)state;
    for (int kind = 0; micro_bf16_avx512.usable() && kind < 4; kind++) {
        const bool half = kind / 2 != 0;
        const struct micro_source s = {
            half ? (const void *)h : (const void *)x, STRIDE, LANES, DEPTH, kind % 2 != 0, half};
        memset(a, 255, 2 * SIDE * WORDS * sizeof *a);
        memset(b, 255, 2 * SIDE * WORDS * sizeof *b);
        micro_bf16_amx.pack_a(a, &s);
        micro_bf16_amx.pack_b(b, &s);
        for (int lane = 0; lane < 2 * SIDE; lane++) {
            for (int at = 0; at < WORDS; at++) {
                const int strip = lane / SIDE * SIDE * WORDS, row = lane % SIDE;
                const uint32_t expected = word(&s, lane, at);
                assert_int_equal(a[strip + (at / 16 * SIDE + row) * 16 + at % 16], expected);
                assert_int_equal(b[strip + at * SIDE + row], expected);
            }
        }
    }
    mem_free(x);
    mem_free(h);
    mem_free(a);
    mem_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_strips_of_amx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
