/* Structured output: extraction, validation, the repair loop; several teachers; templates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gen/structured.h"
#include "gen/template.h"
#include "tests/gen/rig.h"

static void test_extract(void **state)
{
    static const char *const cases[][2] = {
        {" {\"a\":1} ", "{\"a\":1}"},
        {"```json\n{\"a\":1}\n```", "{\"a\":1}"},
        {"Sure!\n```\n[1,2]\n```\nthat's it", "[1,2]"},
        {"Here: {\"a\":{\"b\":2}} as asked.", "{\"a\":{\"b\":2}}"},
        {"list [1, 2] done", "[1, 2]"},
        {"no json here", "no json here"},
        {"{broken", "{broken"},
        {"```", "```"},
        {"```json", "```json"},
        {"}{", "}{"},
        {"", ""},
        {"7", "7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(slice_is(structured_extract(slice_of(cases[i][0])), cases[i][1]));
}

#define SCHEMA                                                                                     \
    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}"

static void test_repair(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_file(r, "s.json", SCHEMA);
    rig_file(r, "p.jsonl",
             "{\"id\":\"good\",\"instruction\":\"a {{valid}}\",\"meta\":{\"k\":1}}\n"
             "{\"id\":\"bad\",\"instruction\":\"b {{invalid}}\",\"meta\":{\"k\":2}}\n");
    assert_int_equal(rig_run(r, "gen.schema=s.json", "gen.repairs=2"), 0);
    assert_int_equal(rig_stat(r, "requests"), 4);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 2);
    assert_string_equal(rig_text(r, "SELECT output FROM sample WHERE name = 'bad'"), "{\"n\": 7}");
    assert_string_equal(rig_text(r, "SELECT instruction FROM sample WHERE name = 'bad'"),
                        "b {{invalid}}");
    assert_string_equal(rig_text(r, "SELECT meta FROM sample WHERE name = 'bad'"), "{\"k\":2}");
    assert_int_equal(rig_number(r, "SELECT count(*) FROM reply"), 4); /* every attempt is kept */
    assert_int_equal(rig_number(r, "SELECT count(*) FROM attempt WHERE cause = 'schema'"), 2);
    assert_int_equal(rig_run(r, "gen.schema=s.json", "gen.repairs=2"), 0);
    assert_int_equal(rig_stat(r, "requests"), 4);
    rig_free(r);
}

static void test_no_more_repairs(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_file(r, "s.json", SCHEMA);
    rig_prompts(r, 3, "{{invalid}}");
    assert_int_equal(rig_run(r, "gen.schema=s.json", "gen.repairs=1"), 0);
    assert_int_equal(rig_stat(r, "requests"), 6);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 0);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM request WHERE cause = 'schema'"), 3);
    assert_non_null(
        strstr(rig_text(r, "SELECT message FROM attempt WHERE cause = 'schema'"), "integer"));
    rig_free(r);
}

/* Two teachers by weight: each row knows whose it is, and the shares are as stated. */
static void test_two_teachers(void **state)
{
    struct rig *r = rig_new();
    char more[300];
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_prompts(r, 400, "");
    snprintf(more, sizeof more,
             "gen.teachers=[{\"model\":\"small\",\"weight\":3,\"base_url\":"
             "\"http://127.0.0.1:%d/v1\"}]",
             r->port);
    assert_int_equal(rig_run(r, "teacher.model=big", more), 0);
    int64_t small = rig_number(r, "SELECT count(*) FROM sample s JOIN request r ON r.id ="
                                  " s.request_id JOIN teacher t ON t.id = r.teacher_id"
                                  " WHERE t.model = 'small'");
    assert_in_range(small, 260, 340);
    assert_int_equal(rig_run(r, "teacher.model=big", more), 0);
    assert_int_equal(rig_stat(r, "requests"), 400);
    rig_free(r);
}

/* Samples and choices: names, counts, one prompt row. */
static void test_samples_and_choices(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_prompts(r, 5, "");
    assert_int_equal(rig_run(r, "gen.samples=3", "gen.n=2"), 0);
    assert_int_equal(rig_stat(r, "requests"), 15);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample"), 30);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM prompt"), 5);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM sample WHERE name IN ('2', '2.1', '2#1',"
                                   " '2#1.1', '2#2', '2#2.1')"),
                     6);
    rig_free(r);
}

/* The prompt file grows, shrinks, changes in the middle: what was answered is not asked again. */
static void test_prompts_change(void **state)
{
    struct rig *r = rig_new();
    (void)state;
    rig_server(r, NULL, NULL, NULL);
    rig_prompts(r, 20, "");
    assert_int_equal(rig_run(r, "seed=1"), 0);
    rig_prompts(r, 30, "");
    assert_int_equal(rig_run(r, "seed=1"), 0);
    assert_int_equal(rig_stat(r, "requests"), 30);
    rig_file(r, "p.jsonl", "{\"instruction\":\"new\"}\n{\"id\":\"3\",\"instruction\":\"q3 \"}\n");
    assert_int_equal(rig_run(r, "seed=1"), 0);
    assert_int_equal(rig_stat(r, "requests"), 31);
    assert_int_equal(rig_run(r, "gen.max_tokens=99"), 0); /* another question: asked */
    assert_int_equal(rig_stat(r, "requests"), 33);
    assert_int_equal(rig_stat(r, "again"), 0);
    rig_free(r);
}

static void test_template(void **state)
{
    struct gen_field f[] = {{"name", SLICE("A {{b}}")}, {"b", SLICE("")}};
    struct buf out = BUF;
    struct error error = {0};
    (void)state;
    assert_int_equal(template_fill(SLICE("x {{name}} y {{ b }}z {"), f, 2, &out, &error), 0);
    assert_string_equal(buf_text(&out), "x A {{b}} y z {");
    assert_int_equal(template_fill(SLICE("{{other}}"), f, 2, &out, &error), -1);
    assert_non_null(strstr(error.text, "other"));
    assert_int_equal(template_fill(SLICE("{{name"), f, 2, &out, &error), -1);
    assert_int_equal(template_fill(SLICE("{{}}"), f, 2, &out, &error), -1);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extract),
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_no_more_repairs),
        cmocka_unit_test(test_two_teachers),
        cmocka_unit_test(test_samples_and_choices),
        cmocka_unit_test(test_prompts_change),
        cmocka_unit_test(test_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
