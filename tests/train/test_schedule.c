/* Learning-rate schedules: end points, warm-up, shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/schedule.h"

#include <math.h>

static struct schedule of(const char *name)
{
    struct schedule s = {schedule_find(name, NULL), 1.0, 0.1, 0.2, 10, 110};
    assert_non_null(s.kind);
    return s;
}

static void near(double a, double b)
{
    assert_true(fabs(a - b) < 1e-12);
}

static void test_warmup(void **state)
{
    (void)state;
    for (size_t i = 0; schedule_kinds[i] != NULL; i++) {
        struct schedule s = of(schedule_kinds[i]->name);
        near(schedule_rate(&s, 0), 0.1);
        near(schedule_rate(&s, 4), 0.5);
        near(schedule_rate(&s, 9), 1.0);
        near(schedule_rate(&s, 10), 1.0);
    }
}

static void test_shapes(void **state)
{
    struct schedule s = of("cosine");
    (void)state;
    near(schedule_rate(&s, 60), 0.1 + 0.9 * 0.5);
    s = of("linear");
    near(schedule_rate(&s, 60), 0.1 + 0.9 * 0.5);
    near(schedule_rate(&s, 109), 0.1 + 0.9 * 0.01);
    s = of("constant");
    near(schedule_rate(&s, 109), 1.0);
    s = of("wsd");
    near(schedule_rate(&s, 90), 1.0);
    near(schedule_rate(&s, 100), 0.1 + 0.9 * 0.5);
}

static void test_past_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; schedule_kinds[i] != NULL; i++) {
        struct schedule s = of(schedule_kinds[i]->name);
        near(schedule_rate(&s, 5000), schedule_rate(&s, 109));
        assert_true(schedule_rate(&s, 109) > 0);
    }
}

static void test_unknown(void **state)
{
    struct error error = {ERROR_NONE, ""};
    (void)state;
    assert_null(schedule_find("cosinus", &error));
    assert_int_equal(error.code, ERROR_USAGE);
    assert_string_equal(error.text, "unknown schedule \"cosinus\"; choose one of cosine, linear, "
                                    "constant, wsd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warmup),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_past_the_end),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
