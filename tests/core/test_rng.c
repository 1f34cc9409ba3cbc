/* Counter-based random numbers: known answers, ranges, moments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"

/* kat_vectors of Random123 1.14. */
static void test_known_answers(void **state)
{
    const struct {
        uint32_t counter[4], key[2], expected[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint32_t out[4];
        philox4x32(vectors[i].counter, vectors[i].key, out);
        assert_memory_equal(out, vectors[i].expected, sizeof out);
    }
}

static void test_access(void **state)
{
    struct rng r = rng_new(42, 7), copy;
    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        assert_true(rng_u64(&r) == rng_at(42, 7, i));
    copy = r;
    assert_true(rng_u64(&r) == rng_u64(&copy));
    assert_true(rng_at(42, 7, 0) != rng_at(42, 8, 0));
    assert_true(rng_at(42, 7, 0) != rng_at(43, 7, 0));
    assert_true(rng_at(42, 7, UINT64_MAX) != rng_at(42, 7, UINT64_MAX - 2));
}

static void test_below(void **state)
{
    struct rng r = rng_new(1, 1);
    int counts[7] = {0};
    (void)state;
    for (int i = 0; i < 70000; i++)
        counts[rng_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9700, 10300);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(rng_below(&r, 1), 0);
        assert_true(rng_below(&r, UINT32_MAX) < UINT32_MAX);
        assert_true(rng_below(&r, 0x80000001U) < 0x80000001U);
    }
}

static void test_moments(void **state)
{
    enum { N = 200000 };
    struct rng r = rng_new(5, 0);
    double mean = 0, square = 0, fourth = 0, uniform = 0;
    (void)state;
    for (int i = 0; i < N; i++) {
        double u = rng_uniform(&r), x = rng_normal(&r);
        assert_true(u >= 0 && u < 1);
        uniform += u / N;
        mean += x / N;
        square += x * x / N;
        fourth += x * x * x * x / N;
    }
    assert_true(fabs(uniform - 0.5) < 0.003);
    assert_true(fabs(mean) < 0.01);
    assert_true(fabs(square - 1) < 0.015);
    assert_true(fabs(fourth - 3) < 0.1);
}

static void test_permutation(void **state)
{
    enum { N = 1000 };
    struct rng r = rng_new(9, 9), same = rng_new(9, 9);
    uint32_t order[N], again[N];
    unsigned char seen[N] = {0};
    int moved = 0;
    (void)state;
    rng_permutation(&r, order, N);
    rng_permutation(&same, again, N);
    assert_memory_equal(order, again, sizeof order);
    for (uint32_t i = 0; i < N; i++) {
        assert_true(order[i] < N);
        assert_int_equal(seen[order[i]]++, 0);
        moved += order[i] != i;
    }
    assert_true(moved > N - 10);
    rng_permutation(&r, order, 0);
    rng_permutation(&r, order, 1);
    assert_int_equal(order[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers), cmocka_unit_test(test_access),
        cmocka_unit_test(test_below),         cmocka_unit_test(test_moments),
        cmocka_unit_test(test_permutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
