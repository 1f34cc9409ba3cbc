/* Files: lines over the maximum, CRLF, no last newline; atomic replacement; folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>

#include "core/file.h"
#include "core/mem.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/retort-test-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    struct error e;
    (void)state;
    return file_remove_tree(folder, &e);
}

static void test_lines(void **state)
{
    char *path = file_join(folder, "lines");
    struct error e = {0};
    struct slice line;
    struct file_lines *f;
    (void)state;
    assert_int_equal(file_replace(path, SLICE("a\r\n\n0123456789x\nlast"), &e), 0);
    f = file_lines_open(path, 10, &e);
    assert_non_null(f);
    assert_int_equal(file_lines_next(f, &line, &e), 1);
    assert_true(slice_is(line, "a"));
    assert_int_equal(file_lines_next(f, &line, &e), 1);
    assert_int_equal(line.len, 0);
    assert_int_equal(file_lines_next(f, &line, &e), -1);
    assert_int_equal(e.code, ERROR_LIMIT);
    assert_int_equal(file_lines_number(f), 3);
    assert_int_equal(file_lines_next(f, &line, &e), 1);
    assert_true(slice_is(line, "last"));
    assert_int_equal(file_lines_number(f), 4);
    assert_int_equal(file_lines_next(f, &line, &e), 0);
    assert_int_equal(file_lines_offset(f), file_size(path));
    file_lines_close(f);
    mem_free(path);
}

/* Lines around the size of the reader's own buffer, among them one over the maximum that spans
 * several reads. */
static void test_long_lines(void **state)
{
    const size_t sizes[] = {262143, 262144, 262145, 3000000, 5, 1000000, 0, 7};
    const size_t n = sizeof sizes / sizeof *sizes, max = 1000000;
    char *path = file_join(folder, "long");
    struct buf text = BUF;
    struct error e = {0};
    struct slice line;
    struct file_lines *f;
    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            buf_char(&text, (char)('a' + i));
        buf_char(&text, '\n');
    }
    assert_int_equal(file_replace(path, buf_view(&text), &e), 0);
    f = file_lines_open(path, max, &e);
    for (size_t i = 0; i < n; i++) {
        const int rc = file_lines_next(f, &line, &e);
        assert_int_equal(rc, sizes[i] > max ? -1 : 1);
        if (rc == 1) {
            assert_int_equal(line.len, sizes[i]);
            assert_true(line.len == 0 || line.data[line.len - 1] == (char)('a' + i));
        }
        assert_int_equal(file_lines_number(f), i + 1);
    }
    assert_int_equal(file_lines_next(f, &line, &e), 0);
    file_lines_close(f);
    buf_free(&text);
    mem_free(path);
}

static void test_replace_and_abort(void **state)
{
    char *path = file_join(folder, "target");
    struct error e = {0};
    struct buf b = BUF;
    struct file_new f;
    (void)state;
    assert_int_equal(file_replace(path, SLICE("old"), &e), 0);
    assert_int_equal(file_new_open(&f, path, &e), 0);
    assert_int_equal(file_new_write(&f, "half", 4, &e), 0);
    file_new_abort(&f);
    assert_int_equal(file_read(path, &b, &e), 0);
    assert_string_equal(buf_text(&b), "old");
    buf_free(&b);
    mem_free(path);
}

/* A full disk: the old file stays, the error says so, nothing is left beside it. */
static void test_full(void **state)
{
    char *path = file_join(folder, "full");
    char *big = mem_zero(1, 100000);
    struct rlimit old, small;
    struct error e = {0};
    struct buf b = BUF;
    (void)state;
    assert_int_equal(file_replace(path, SLICE("old"), &e), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(file_replace(path, slice_from(big, 100000), &e), -1);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(e.code, ERROR_FULL);
    assert_int_equal(file_read(path, &b, &e), 0);
    assert_string_equal(buf_text(&b), "old");
    buf_free(&b);
    mem_free(big);
    mem_free(path);
}

static void test_folders(void **state)
{
    char *deep = file_join(folder, "a/b/c");
    struct error e = {0};
    (void)state;
    assert_int_equal(file_make_dir(deep, &e), 0);
    assert_int_equal(file_make_dir(deep, &e), 0);
    assert_true(file_is_dir(deep));
    assert_true(file_free_space(deep) > 0);
    mem_free(deep);
}

static void test_limit_and_missing(void **state)
{
    struct buf b = BUF_MAX(2);
    char *path = file_join(folder, "three");
    struct error e = {0};
    struct file_map m;
    (void)state;
    assert_int_equal(file_replace(path, SLICE("abc"), &e), 0);
    assert_int_equal(file_read(path, &b, &e), -1);
    assert_int_equal(e.code, ERROR_LIMIT);
    assert_int_equal(file_map(&m, path, &e), 0);
    assert_int_equal(m.size, 3);
    assert_memory_equal(m.data, "abc", 3);
    file_unmap(&m);
    assert_int_equal(file_map(&m, folder, &e), -1);
    assert_int_equal(file_read("/nonexistent/x", &b, &e), -1);
    assert_non_null(strstr(e.text, "/nonexistent/x"));
    buf_free(&b);
    mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_replace_and_abort),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_limit_and_missing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
