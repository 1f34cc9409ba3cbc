/* Draft 2020-12 by ../shared/golden/formats/schema_cases.jsonl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/schema.h"

static const char golden[] = "../shared/golden/formats/schema_cases.jsonl";

static int check_case(const struct json *row)
{
    struct error error = {0};
    struct schema *s = schema_compile(json_get(row, "schema"), &error);
    bool valid, expected = json_true(json_get(row, "valid"));
    struct buf text = BUF;
    if (s == NULL) {
        print_message("%s\n", error.text);
        return 0;
    }
    valid = schema_check(s, json_get(row, "instance"), NULL, NULL) == 0;
    if (valid != expected) {
        json_write(row, 0, &text);
        print_message("said %s: %s\n", valid ? "valid" : "invalid", buf_text(&text));
    }
    buf_free(&text);
    schema_free(s);
    return valid == expected;
}

static void test_cases(void **state)
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
    assert_int_equal(all, 230);
    assert_int_equal(right, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
