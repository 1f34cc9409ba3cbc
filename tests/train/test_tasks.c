/* Multi-task sampling: shares by size^power, every example in turn, the same for the same seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/tasks.h"

#include <string.h>

enum { LARGE = 90, SMALL = 10, ALL = LARGE + SMALL };

static uint64_t of[ALL];

static size_t small_share(double power, uint64_t epoch, uint32_t *out)
{
    const struct tasks t = {of, ALL, power, 7};
    size_t small = 0;
    for (size_t i = 0; i < ALL; i++)
        of[i] = i < LARGE ? 11 : 5;
    tasks_epoch(&t, epoch, out);
    for (size_t i = 0; i < ALL; i++)
        small += out[i] >= LARGE;
    return small;
}

static void test_shares(void **state)
{
    uint32_t out[ALL], seen[ALL] = {0};
    (void)state;
    assert_int_equal(small_share(1, 0, out), 10);
    for (size_t i = 0; i < ALL; i++)
        assert_int_equal(++seen[out[i]], 1);
    assert_int_equal(small_share(0, 0, out), 50);
    assert_int_equal(small_share(0.5, 0, out), 25); /* 3.16 of 12.65 */
}

/* At power 0 the large task has 50 places an epoch: two epochs see 90 of its rows, 10 of them twice. */
static void test_in_turn(void **state)
{
    uint32_t out[ALL], seen[ALL] = {0};
    (void)state;
    for (uint64_t epoch = 0; epoch < 9; epoch++) {
        (void)small_share(0, epoch, out);
        for (size_t i = 0; i < ALL; i++)
            seen[out[i]]++;
    }
    for (size_t i = 0; i < LARGE; i++)
        assert_int_equal(seen[i], 5); /* 9 * 50 / 90 */
    for (size_t i = LARGE; i < ALL; i++)
        assert_int_equal(seen[i], 45);
}

static void test_repeats(void **state)
{
    uint32_t a[ALL], b[ALL];
    (void)state;
    (void)small_share(0.3, 4, a);
    (void)small_share(0.3, 4, b);
    assert_memory_equal(a, b, sizeof a);
    (void)small_share(0.3, 5, b);
    assert_true(memcmp(a, b, sizeof a) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_in_turn),
        cmocka_unit_test(test_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
