/* RFC 8259 by ../shared/golden/formats/json_torture.jsonl: what must be taken, what refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"

static const char golden[] = "../shared/golden/formats/json_torture.jsonl";

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void from_hex(const char *hex, struct buf *out)
{
    for (; *hex != '\0'; hex += 2)
        buf_char(out, (char)(nibble(hex[0]) * 16 + nibble(hex[1])));
}

/* Whatever is taken must read back equal after writing. */
static void check_back(const struct json *node)
{
    struct buf out = BUF;
    struct json *back;
    json_write(node, 0, &out);
    back = json_parse(buf_view(&out), 0, NULL);
    assert_non_null(back);
    assert_true(json_equal(node, back));
    json_free(back);
    buf_free(&out);
}

/* 1 when the case was decided as the RFC asks. */
static int check_case(const struct json *row)
{
    struct buf bytes = BUF;
    struct error error = {0};
    struct json *node, *repaired;
    const char *expect = json_text(json_get(row, "expect"), "");
    bool right;
    from_hex(json_text(json_get(row, "hex"), ""), &bytes);
    node = json_parse(buf_view(&bytes), 0, &error);
    right = strcmp(expect, "either") == 0 || (node != NULL) == (strcmp(expect, "accept") == 0);
    if (!right)
        print_message("%s, expected %s: %s (%s)\n", node != NULL ? "taken" : "refused", expect,
                      json_text(json_get(row, "hex"), ""), error.text);
    if (node != NULL)
        check_back(node);
    repaired = json_parse(buf_view(&bytes), JSON_REPAIR | JSON_COMMENTS, NULL);
    assert_true(repaired != NULL || node == NULL);
    if (repaired != NULL)
        check_back(repaired);
    json_free(repaired);
    json_free(node);
    buf_free(&bytes);
    return right;
}

static void test_torture(void **state)
{
    struct file_lines *lines;
    struct slice line;
    struct error error;
    int right = 0, all = 0;
    (void)state;
    if (!file_exists(golden)) {
        print_message("SKIP: %s is not here\n", golden);
        skip();
    }
    lines = file_lines_open(golden, 1 << 24, &error);
    assert_non_null(lines);
    while (file_lines_next(lines, &line, &error) == 1) {
        struct json *row = json_parse(line, 0, &error);
        assert_non_null(row);
        right += check_case(row);
        all++;
        json_free(row);
    }
    file_lines_close(lines);
    assert_int_equal(all, 292);
    assert_int_equal(right, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_torture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
