/* Numbers by their decimal literals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/decimal.h"
#include "core/rng.h"

static int compare(const char *a, const char *b)
{
    struct decimal x = decimal_parse(slice_of(a)), y = decimal_parse(slice_of(b));
    int order = decimal_compare(&x, &y);
    decimal_free(&x);
    decimal_free(&y);
    return order < 0 ? -1 : order > 0;
}

static void test_compare(void **state)
{
    const char *ascending[] = {"-1e400",
                               "-10",
                               "-9.5",
                               "-0.001",
                               "0",
                               "1e-400",
                               "0.00099",
                               "0.001",
                               "0.1",
                               "0.10000000000000000000001",
                               "1",
                               "9.99",
                               "10",
                               "9007199254740992",
                               "9007199254740993",
                               "1e30",
                               "1000000000000000000000000000001",
                               "1e99999999999999999999"};
    const size_t n = sizeof ascending / sizeof *ascending;
    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            assert_int_equal(compare(ascending[i], ascending[k]), (i > k) - (i < k));
    assert_int_equal(compare("1.50e1", "15"), 0);
    assert_int_equal(compare("-0.0", "0"), 0);
    assert_int_equal(compare("100e-2", "1"), 0);
    assert_int_equal(compare("0e99999999999999999999", "0"), 0);
}

static bool multiple(const char *a, const char *b)
{
    struct decimal x = decimal_parse(slice_of(a)), y = decimal_parse(slice_of(b));
    bool yes = decimal_is_multiple(&x, &y);
    decimal_free(&x);
    decimal_free(&y);
    return yes;
}

static void test_multiple(void **state)
{
    (void)state;
    assert_true(multiple("0.07", "0.01"));
    assert_true(multiple("1.13", "0.01"));
    assert_true(multiple("4.35", "0.01"));
    assert_true(multiple("0.3", "0.1"));
    assert_false(multiple("0.075", "0.01"));
    assert_true(multiple("-6", "2"));
    assert_false(multiple("3", "2"));
    assert_true(multiple("1e308", "0.5"));
    assert_true(multiple("0", "7"));
    assert_true(multiple("1e400", "1024"));
    assert_false(multiple("1e400", "3"));
    assert_true(multiple("123456789012345678901234567890", "10"));
    assert_true(multiple("999999999999999999", "999999999999999999"));
    assert_false(multiple("1000000000000000000000000000000000000001", "999999999999999999"));
    assert_true(multiple("4.5", "1.5"));
    assert_false(multiple("4", "1.5"));
}

static void writes(const char *literal, const char *expected)
{
    struct decimal d = decimal_parse(slice_of(literal));
    struct buf out = BUF;
    decimal_write(&d, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
    decimal_free(&d);
}

static void test_write(void **state)
{
    (void)state;
    writes("-0", "0");
    writes("1500.00", "1500");
    writes("0.000001", "0.000001");
    writes("-0.00000012", "-1.2e-7");
    writes("100000000000000000000", "100000000000000000000");
    writes("1000000000000000000000", "1e+21");
    writes("999990000000999990000000000000", "999990000000999990000000000000");
    writes("15e399", "1.5e+400");
}

static void test_doubles(void **state)
{
    struct rng r = rng_new(3, 1);
    const double edges[] = {DBL_MIN,
                            DBL_MAX,
                            DBL_EPSILON,
                            5e-324,
                            0.1,
                            1e21,
                            1e22,
                            1e23,
                            0x1p60,
                            0x1p-44,
                            2.2250738585072009e-308,
                            123456.789};
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct buf out = BUF;
        double x, back;
        uint64_t bits = rng_u64(&r);
        memcpy(&x, &bits, sizeof x);
        if ((bits >> 52 & 0x7FF) == 0x7FF)
            continue;
        if (i < (int)(sizeof edges / sizeof *edges))
            x = edges[i];
        decimal_write_double(x, &out);
        back = strtod(buf_text(&out), NULL);
        assert_memory_equal(&back, &x, sizeof x);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_multiple),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
