/* Errors: one line, whole or cut, never overrun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "core/error.h"

static void test_set_and_wrap(void **state)
{
    struct error error = {0};
    (void)state;
    assert_int_equal(error_set(&error, ERROR_BUSY, "locked by %d", 7), -1);
    assert_int_equal(error_wrap(&error, "%s", "tickets.db"), -1);
    assert_string_equal(error.text, "tickets.db: locked by 7");
    assert_int_equal(error.code, ERROR_BUSY);
    error_clear(&error);
    assert_int_equal(error.code, ERROR_NONE);
    assert_string_equal(error.text, "");
}

static void test_null(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_FAILED, "x"), -1);
    assert_int_equal(error_wrap(NULL, "x"), -1);
    assert_int_equal(error_system(NULL, ENOENT, "x"), -1);
    error_clear(NULL);
}

static void test_cut(void **state)
{
    struct error error = {0};
    char text[2000];
    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&error, ERROR_FAILED, "%s", text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    for (int i = 0; i < 3; i++)
        error_wrap(&error, "%s", text);
    error_system(&error, ENOENT, "%s", text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

static void test_system(void **state)
{
    const struct {
        int errnum;
        enum error_code code;
    } classes[] = {{ENOSPC, ERROR_FULL},   {EDQUOT, ERROR_FULL}, {EFBIG, ERROR_FULL},
                   {ENOMEM, ERROR_MEMORY}, {ENOENT, ERROR_IO},   {EACCES, ERROR_IO}};
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        error_system(&error, classes[i].errnum, "file");
        assert_int_equal(error.code, classes[i].code);
        assert_memory_equal(error.text, "file: ", 6);
        assert_true(strlen(error.text) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_wrap),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
