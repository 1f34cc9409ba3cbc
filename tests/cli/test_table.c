/* Reports as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/table.h"

static void renders(const char *json, int columns, const char *text)
{
    struct error error = {ERROR_NONE, ""};
    struct json *root = json_parse(slice_of(json), 0, &error);
    struct buf out = BUF;
    assert_non_null(root);
    table_report(root, columns, false, &out);
    assert_string_equal(buf_text(&out), text);
    buf_free(&out);
    json_free(root);
}

static void test_members(void **state)
{
    (void)state;
    renders("{\"rows\":{\"total\":1234567,\"kept\":240},\"loss\":1.23456,\"seed\":12345,"
            "\"file\":null,\"ok\":true}",
            0, "rows  total 1,234,567  kept 240\nloss  1.235\nseed  12345\nfile  -\nok    yes\n");
    renders("{\"started_ms\":1772366400000,\"latency_ms\":1500}", 0,
            "started_ms  2026-03-01T12:00:00Z\nlatency_ms  1,500\n");
    renders("{\"a\":{\"b\":{\"c\":1}}}", 0, "a.b  c 1\n");
    renders("{\"peak_bytes\":123456789,\"none\":{},\"x\":-1234.5}", 0,
            "peak_bytes  123 MB\nnone        none\nx           -1,234\n");
}

static void test_grid(void **state)
{
    (void)state;
    renders("{\"rules\":[{\"rule\":\"empty\",\"removed\":12},{\"rule\":\"near\",\"removed\":1200,"
            "\"why\":\"日本\"}]}",
            0, "rules\n  rule   removed  why\n  empty       12  -\n  near     1,200  日本\n");
    renders("{\"list\":[\"a\",\"b\"],\"empty\":[]}", 0, "list   a  b\nempty  none\n");
    renders("{\"list\":[\"a line of words that is too long to stand beside others of its kind in a "
            "row\",\"b\"]}",
            0,
            "list\n  a line of words that is too long to stand beside others of its kind in a "
            "row\n  b\n");
}

static void test_outside_text_cannot_steer_the_terminal(void **state)
{
    (void)state;
    renders("{\"x\":\"a\\u001b[31mb\\u0007\"}", 0, "x  a\\x1B[31mb\\x07\n");
    renders("{\"x\":\"one\\ntwo\\u001b\"}", 0, "x\none\ntwo\\x1B\n");
    renders("[{\"t\":\"a\\nb\"}]", 0, "  t\n  a\\nb\n");
}

static void test_narrow(void **state)
{
    (void)state;
    renders("{\"run\":{\"total\":1,\"kept\":2,\"gone\":3}}", 20,
            "run  total 1  kept 2\n     gone 3\n");
    renders("[{\"n\":1,\"text\":\"a long text that does not fit here\"}]", 20,
            "  n  text\n  1  a long text th…\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_outside_text_cannot_steer_the_terminal),
        cmocka_unit_test(test_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
