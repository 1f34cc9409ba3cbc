/* "did you mean". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/nearest.h"

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(nearest_distance("", ""), 0);
    assert_int_equal(nearest_distance("", "abc"), 3);
    assert_int_equal(nearest_distance("kitten", "sitting"), 3);
    assert_int_equal(nearest_distance("trian", "train"), 1);
    assert_int_equal(nearest_distance("rank", "rank"), 0);
    assert_int_equal(
        nearest_distance("0123456789012345678901234567890123456789012345678901234567890123456789",
                         "x"),
        70);
}

static void test_best(void **state)
{
    struct nearest n = nearest_start("lerning_rate");
    (void)state;
    nearest_try(&n, "batch_tokens");
    nearest_try(&n, "learning_rate");
    nearest_try(&n, "max_length");
    assert_string_equal(nearest_word(&n), "learning_rate");
    n = nearest_start("banana");
    nearest_try(&n, "rank");
    nearest_try(&n, "out");
    assert_null(nearest_word(&n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
