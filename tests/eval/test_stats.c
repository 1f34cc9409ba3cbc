/* Intervals and paired tests, against values computed elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "eval/stats.h"

#include <math.h>

static void near(double a, double b, double by)
{
    assert_true(fabs(a - b) <= by);
}

static void test_quantile(void **state)
{
    (void)state;
    near(stats_normal_quantile(0.975), 1.959963984540054, 1e-12);
    near(stats_normal_quantile(0.5), 0, 1e-12);
    near(stats_normal_quantile(0.001), -3.090232306167813, 1e-10);
}

/* The closed form, computed in Python with statistics.NormalDist. */
static void test_wilson(void **state)
{
    struct interval w = stats_wilson(8, 10, 0.95);
    (void)state;
    near(w.value, 0.8, 1e-15);
    near(w.low, 0.49016247153664183, 1e-9);
    near(w.high, 0.9433178485456247, 1e-9);
    w = stats_wilson(0, 20, 0.95);
    near(w.low, 0, 0);
    near(w.high, 0.1611251580528193, 1e-9);
    w = stats_wilson(20, 20, 0.95);
    near(w.high, 1, 0);
    w = stats_wilson(0, 0, 0.95);
    assert_true(isnan(w.value) && w.low <= 0 && w.high >= 1);
}

/* 2 sum_k C(n, k) / 2^n, computed in Python with integers. */
static void test_mcnemar(void **state)
{
    (void)state;
    near(stats_mcnemar(0, 0), 1, 0);
    near(stats_mcnemar(5, 5), 1, 0);
    near(stats_mcnemar(1, 9), 0.021484375, 1e-12);
    near(stats_mcnemar(9, 1), 0.021484375, 1e-12);
    near(stats_mcnemar(0, 6), 0.03125, 1e-12);
    near(stats_mcnemar(40, 60), 0.056887933640980784, 1e-9);
}

static void test_bootstrap(void **state)
{
    double x[400], d[400];
    struct interval b;
    (void)state;
    for (size_t i = 0; i < 400; i++)
        x[i] = i % 4 == 0 ? 1 : 0;
    b = stats_bootstrap(x, 400, 0.95, 4000, 1);
    near(b.value, 0.25, 1e-12);
    near(b.low, 0.2075, 0.006); /* normal: 0.25 -+ 1.96 sqrt(0.25 * 0.75 / 400) = 0.0424 */
    near(b.high, 0.2924, 0.006);
    for (size_t i = 0; i < 400; i++)
        d[i] = i % 2 == 0 ? 1 : -1;
    assert_true(stats_signflip(d, 400, 2000, 1) > 0.9);
    for (size_t i = 0; i < 400; i++)
        d[i] = i % 8 == 0 ? -0.5 : 0.5;
    assert_true(stats_signflip(d, 400, 2000, 1) < 0.001);
    /* Seven differences of one sign: 2 of 128 sign patterns are as extreme. */
    near(stats_signflip(d + 1, 7, 20000, 3), 2.0 / 128, 0.004);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantile),
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_mcnemar),
        cmocka_unit_test(test_bootstrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
