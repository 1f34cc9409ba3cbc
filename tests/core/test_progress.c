/* The line of progress, and how often it is drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/progress.h"

static void shows(struct progress_state s, double seconds, int columns, bool bar,
                  const char *expected)
{
    struct buf out = BUF;
    progress_format(&s, seconds, columns, bar, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void test_format(void **state)
{
    struct progress_state s = {"gen", "replies", 1204, 5000, 0, "in flight 64"};
    (void)state;
    shows(s, 4, 0, false, "gen   1,204/5,000  24 %  301/s  ETA 0:13  in flight 64");
    s.resumed = 1200;
    shows(s, 4, 0, false, "gen   1,204/5,000  24 %  1.0/s  ETA 1:03:16  in flight 64");
    s.resumed = 1204;
    shows(s, 4, 0, false, "gen   1,204/5,000  24 %  in flight 64");
    s.total = 0;
    s.resumed = 0;
    s.note[0] = '\0';
    shows(s, 4, 0, true, "gen   1,204 replies  301/s");
    shows((struct progress_state){"train", "steps", 5, 100000, 0, ""}, 100, 0, false,
          "train 5/100,000  0 %  3.0/min  ETA 23 d 3 h");
    shows((struct progress_state){"train", "steps", 7, 7, 0, ""}, 0, 0, false, "train 7/7  100 %");
    shows((struct progress_state){"x", "y", 1999999, 2000000, 0, ""}, 1, 0, false,
          "x     1,999,999/2,000,000  99 %  1,999,999/s  ETA 0:00");
}

static void test_bar(void **state)
{
    struct progress_state s = {"gen", "replies", 50, 100, 0, ""};
    (void)state;
    shows(s, 0, 40, true, "gen   [=========>        ]  50/100  50 %");
    shows(s, 0, 20, true, "gen   50/100  50 %");
    shows(s, 0, 12, true, "gen   50/100");
    (void)snprintf(s.note, sizeof s.note, "\xE4\xBD\xA0\xE5\xA5\xBD");
    shows(s, 0, 23, false, "gen   50/100  50 %  \xE4\xBD\xA0");
}

static void count(void *context, const struct progress_state *s, bool last)
{
    int *counts = context;
    (void)s;
    counts[last]++;
}

static void test_throttle(void **state)
{
    int counts[2] = {0, 0};
    struct progress p = {.draw = count, .context = counts, .every_ns = INT64_C(3600000000000)};
    struct progress_state s = {"gen", "replies", 1, 2, 0, ""};
    (void)state;
    for (int i = 0; i < 100; i++)
        progress_update(&p, &s);
    progress_finish(&p, &s);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 1);
    p.every_ns = 0;
    progress_update(&p, &s);
    progress_update(&p, &s);
    assert_int_equal(counts[0], 3);
    progress_update(NULL, &s);
    progress_finish(NULL, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_bar),
        cmocka_unit_test(test_throttle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
