/*
 * The rotary table against the one that transformers computes, for linear, YaRN and Llama 3 scaling:
 * tests/model/data/rope.json (made by make_rope.py there), whose configs are read as config.json is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "model/rope.h"

#include <float.h>
#include <math.h>

/* A frequency may differ in its last bit, which a far position multiplies. */
enum { POSITIONS = 32768 };

/* The largest difference of one row of the table to the cosines and sines of a case. */
static double difference(const float *row, int32_t half, const struct json *cos_row,
                         const struct json *sin_row)
{
    const struct json *c = json_first(cos_row), *s = json_first(sin_row);
    double worst = 0;
    for (int32_t i = 0; i < half; i++, c = json_next(c), s = json_next(s)) {
        worst = fmax(worst, fabs((double)row[i] - json_number(c, (double)NAN)));
        worst = fmax(worst, fabs((double)row[half + i] - json_number(s, (double)NAN)));
    }
    return worst;
}

static void check_case(const struct json *t)
{
    struct buf text = BUF_MAX(4096);
    struct model_config c;
    struct error error;
    const struct json *cos_row = json_first(json_get(t, "cos")),
                      *sin_row = json_first(json_get(t, "sin"));
    float *table;
    double worst = 0;
    assert_int_equal(json_write(json_get(t, "config"), JSON_CANONICAL, &text), 0);
    if (config_parse(&c, buf_view(&text), "config", &error) != 0)
        fail_msg("%s", error.text);
    table = mem_alloc((size_t)POSITIONS * (size_t)c.head_dim * sizeof *table);
    rope_table(&c.rope, c.head_dim, POSITIONS, table);
    for (const struct json *p = json_first(json_get(t, "positions")); p != NULL; p = json_next(p)) {
        const double position = json_number(p, 0);
        const double d =
            difference(table + (int64_t)position * c.head_dim, c.head_dim / 2, cos_row, sin_row);
        assert_true(d < 1e-6 + position * (double)FLT_EPSILON);
        worst = fmax(worst, d);
        cos_row = json_next(cos_row);
        sin_row = json_next(sin_row);
    }
    print_message("%s: %.1e\n", json_text(json_get(t, "name"), ""), worst);
    mem_free(table);
    config_clear(&c);
    buf_free(&text);
}

static void test_scalings(void **state)
{
    struct buf text = BUF_MAX(1 << 20);
    struct json *all;
    struct error error;
    (void)state;
    assert_int_equal(file_read("tests/model/data/rope.json", &text, &error), 0);
    all = json_parse(buf_view(&text), 0, &error);
    assert_non_null(all);
    assert_int_equal(json_count(json_get(all, "cases")), 5);
    for (const struct json *t = json_first(json_get(all, "cases")); t != NULL; t = json_next(t))
        check_case(t);
    json_free(all);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scalings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
