/*
 * The interpreter against Jinja2: tests/model/data/jinja.jsonl (made by make_jinja.py there), and
 * templates that must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/chat.h"
#include "tests/model/shared.h"

#include <string.h>

static void check_case(const struct json *row, void *context)
{
    struct slice source = json_string(json_get(row, "source"));
    const struct json *want = json_get(row, "rendered");
    struct chat_input in = {.vars = json_get(row, "vars"), .date_ms = INT64_C(1736035200000)};
    struct chat_render r = CHAT_RENDER;
    struct error error = {0};
    struct chat_template *c = chat_template_parse(source, "test", &error);
    int *failed = context;
    int rc = c != NULL ? chat_render(c, &in, &r, &error) : -1;
    if (want == NULL && rc == 0) {
        print_message("%s\n  should fail\n  got  %s\n", source.data, buf_text(&r.text));
        (*failed)++;
    } else if (want != NULL && rc != 0) {
        print_message("%s\n  %s\n", source.data, error.text);
        (*failed)++;
    } else if (want != NULL && !slice_equal(json_string(want), buf_view(&r.text))) {
        print_message("%s\n  want %s\n  got  %s\n", source.data, json_string(want).data,
                      buf_text(&r.text));
        (*failed)++;
    }
    chat_render_free(&r);
    chat_template_free(c);
}

static void test_jinja(void **state)
{
    int failed = 0, n;
    (void)state;
    n = shared_rows("tests/model/data/jinja.jsonl", check_case, &failed);
    print_message("%d templates, %d differ\n", n, failed);
    assert_true(n > 150);
    assert_int_equal(failed, 0);
}

static void refused(const char *source, const char *words)
{
    struct error error = {0};
    struct chat_render r = CHAT_RENDER;
    struct chat_input in = {.messages = NULL};
    struct chat_template *c = chat_template_parse(slice_of(source), "t", &error);
    if (c != NULL)
        assert_int_equal(chat_render(c, &in, &r, &error), -1);
    if (strstr(error.text, words) == NULL)
        fail_msg("%.60s: \"%s\" lacks \"%s\"", source, error.text, words);
    assert_int_equal(r.n, 0);
    chat_render_free(&r);
    chat_template_free(c);
}

static void test_refused(void **state)
{
    struct buf deep = BUF;
    (void)state;
    refused("{% if x %}", "endif is missing");
    refused("{{ 'a }}", "a string does not end");
    refused("{{ 1", "a tag does not end");
    refused("{# x", "a comment does not end");
    refused("{% include 'x' %}", "\"include\" is not supported");
    refused("{{ x|nope }}", "\"nope\" is not supported");
    refused("{{ x is nope }}", "\"nope\" is not supported");
    refused("{{ }}", "an expression is missing");
    refused("{{ 1 ? 2 }}", "unexpected character");
    refused("line\nline {{ 1 }}\n{% bad %}", "line 3");
    refused("{% for x in range(1000000000) %}{% endfor %}", "range() is too long");
    refused("{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}"
            "{% endfor %}{% endfor %}{% endfor %}",
            "MB");
    refused("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "too deeply");
    refused("{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(99) %}"
            "{% set ns.s = ns.s + ns.s %}{% endfor %}",
            "MB");
    refused("{{ 'abc' * 100000000 }}", "too often");
    refused("{{ 9223372036854775807 + 1 }}", "too large");
    refused("{{ 99999999999999999999 }}", "too large");
    for (int i = 0; i < 5000; i++)
        buf_str(&deep, "{{ ");
    refused(buf_text(&deep), "");
    buf_clear(&deep);
    buf_str(&deep, "{{ ");
    for (int i = 0; i < 5000; i++)
        buf_char(&deep, '(');
    for (int i = 0; i < 5000; i++)
        buf_char(&deep, ')');
    buf_str(&deep, " }}");
    refused(buf_text(&deep), "too deeply");
    buf_clear(&deep);
    buf_str(&deep, "{{ x");
    for (int i = 0; i < 5000; i++)
        buf_str(&deep, ".x");
    buf_str(&deep, " }}");
    refused(buf_text(&deep), "too long");
    buf_clear(&deep);
    for (int i = 0; i < 5000; i++)
        buf_str(&deep, "{% if true %}");
    refused(buf_text(&deep), "too deeply");
    buf_free(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jinja),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
