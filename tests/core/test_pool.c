/* The pool runs every task once, for any thread count, and sums in task order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>

#include "core/pool.h"
#include "core/rng.h"

enum { TASKS = 1000 };

static atomic_int seen[TASKS];

static void count(void *context, size_t task, int worker)
{
    (void)worker;
    atomic_fetch_add(&seen[task], *(int *)context);
}

static void test_every_task_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        struct pool *p = pool_new(threads);
        int one = 1;
        for (int i = 0; i < TASKS; i++)
            atomic_store(&seen[i], 0);
        for (int round = 1; round <= 200; round++) {
            pool_run(p, TASKS, count, &one);
            assert_int_equal(atomic_load(&seen[round]), round);
        }
        for (int i = 0; i < TASKS; i++)
            assert_int_equal(atomic_load(&seen[i]), 200);
        pool_free(p);
    }
}

static double term(void *context, size_t task, int worker)
{
    (void)context;
    (void)worker;
    return (double)rng_at(7, 1, task) * 1e-19 - 0.7;
}

static void test_sum_is_the_same(void **state)
{
    const double expected = pool_sum(NULL, TASKS, term, NULL);
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        struct pool *p = pool_new(threads);
        const double sum = pool_sum(p, TASKS, term, NULL);
        assert_memory_equal(&sum, &expected, sizeof sum);
        pool_free(p);
    }
    pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_once),
        cmocka_unit_test(test_sum_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
