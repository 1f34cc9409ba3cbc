/* Regular expressions and their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/pool.h"
#include "core/regex.h"

/* Begin of the match, or -1. */
static long search(const char *pattern, unsigned flags, struct slice text)
{
    struct error error = {0};
    struct regex *r = regex_compile(pattern, flags, &error);
    struct regex_match *m;
    size_t begin = 0, end = 0;
    long found = -1;
    assert_non_null(r);
    m = regex_match_new(r);
    if (regex_find(r, text, 0, m, &error) == 1) {
        assert_true(regex_group(m, 0, &begin, &end));
        found = (long)begin;
    }
    regex_match_free(m);
    regex_free(r);
    return found;
}

static void test_flags(void **state)
{
    (void)state;
    assert_int_equal(search("b+", 0, SLICE("aabb")), 2);
    assert_int_equal(search("B", 0, SLICE("aabb")), -1);
    assert_int_equal(search("B", REGEX_CASELESS, SLICE("aabb")), 2);
    assert_int_equal(search("^b", 0, SLICE("a\nb")), -1);
    assert_int_equal(search("^b", REGEX_MULTILINE, SLICE("a\nb")), 2);
    assert_int_equal(search("a.b", 0, SLICE("a\nb")), -1);
    assert_int_equal(search("a.b", REGEX_DOTALL, SLICE("a\nb")), 0);
    assert_int_equal(search("b", REGEX_ANCHORED, SLICE("ab")), -1);
    assert_int_equal(search("\\w+", 0, SLICE("- \xC3\xA9")), 2);
    assert_int_equal(search("\\w+", REGEX_ECMA, SLICE("- \xC3\xA9")), -1);
    assert_int_equal(search("a$", 0, SLICE("a\n")), 0);
    assert_int_equal(search("a$", REGEX_ECMA, SLICE("a\n")), -1);
    assert_int_equal(search("^\\u00e9$", REGEX_ECMA, SLICE("\xC3\xA9")), 0);
    assert_int_equal(search("\\s", REGEX_ECMA, SLICE("a\xC2\xA0")), 1);
    assert_int_equal(search("[\\sx]", REGEX_ECMA, SLICE("a\xE2\x80\xA9")), 1);
    assert_int_equal(search("\\s", REGEX_ECMA, SLICE("a\xEF\xBB\xBF")), 1);
    assert_int_equal(search("^\\S$", REGEX_ECMA, SLICE("\xC2\xA0")), -1);
    assert_int_equal(search("\\\\s", REGEX_ECMA, SLICE("a\\s")), 1);
    assert_int_equal(search("[]\\s]", 0, SLICE("a]")), 1);
    assert_int_equal(search("\\p{Letter}", REGEX_ECMA, SLICE("1\xC3\xA9")), 1);
    assert_int_equal(search("\\P{gc=L}", REGEX_ECMA, SLICE("a1")), 1);
    assert_int_equal(search("\\p{Script=Greek}", REGEX_ECMA, SLICE("a\xCE\xB1")), 1);
    assert_int_equal(search("\\p{Han}", 0, SLICE("a\xE4\xBD\xA0")), 1);
    assert_int_equal(search("a\\x00b", 0, SLICE("zza\0b")), 2);
    assert_int_equal(search("", 0, (struct slice){NULL, 0}), 0);
}

static void test_groups(void **state)
{
    struct error error = {0};
    struct regex *r = regex_compile("(a)|(b)", 0, &error);
    struct regex_match *m = regex_match_new(r);
    size_t begin, end;
    (void)state;
    assert_false(regex_group(m, 0, &begin, &end));
    assert_int_equal(regex_find(r, SLICE("xba"), 0, m, &error), 1);
    assert_false(regex_group(m, 1, &begin, &end));
    assert_true(regex_group(m, 2, &begin, &end));
    assert_true(begin == 1 && end == 2);
    assert_false(regex_group(m, 3, &begin, &end));
    assert_false(regex_group(m, -1, &begin, &end));
    assert_int_equal(regex_find_valid(r, SLICE("xba"), 2, m, &error), 1);
    assert_true(regex_group(m, 1, &begin, &end));
    assert_int_equal(regex_find(r, SLICE("xba"), 3, m, &error), 0);
    assert_int_equal(regex_find(r, SLICE("xba"), 99, m, &error), 0);
    assert_false(regex_group(m, 0, &begin, &end));
    regex_match_free(m);
    regex_free(r);
    regex_match_free(NULL);
    regex_free(NULL);
}

static void test_failures(void **state)
{
    struct error error = {0};
    struct regex *r;
    struct regex_match *m;
    char text[400];
    (void)state;
    assert_null(regex_compile("a(b", 0, &error));
    assert_string_equal(error.text,
                        "regular expression \"a(b\": missing closing parenthesis at offset 3");
    r = regex_compile("a", 0, &error);
    m = regex_match_new(r);
    assert_int_equal(regex_find(r, SLICE("\xFF"), 0, m, &error), -1);
    assert_int_equal(error.code, ERROR_INPUT);
    regex_match_free(m);
    regex_free(r);
    /* Exponential: must give up, not hang. */
    memset(text, 'a', sizeof text);
    r = regex_compile("^(a+)+$", 0, &error);
    m = regex_match_new(r);
    text[sizeof text - 1] = '!';
    assert_int_equal(regex_find(r, slice_from(text, sizeof text), 0, m, &error), -1);
    assert_int_equal(error.code, ERROR_LIMIT);
    regex_match_free(m);
    regex_free(r);
}

static void deep(size_t n, int expected)
{
    struct error error = {0};
    struct regex *r = regex_compile("^(?:(a)|b)*$", 0, &error);
    struct regex_match *m = regex_match_new(r);
    char *text = mem_alloc(n);
    memset(text, 'a', n);
    assert_int_equal(regex_find(r, slice_from(text, n), 0, m, &error), expected);
    mem_free(text);
    regex_match_free(m);
    regex_free(r);
}

/* Long repeats need much stack: found, or refused politely. */
static void test_stack(void **state)
{
    (void)state;
    deep(1000, 1);
    deep(2000000, -1);
}

static void search_task(void *context, size_t task, int worker)
{
    const struct regex *r = context;
    struct regex_match *m = regex_match_new(r);
    size_t begin = 0, end = 0;
    (void)worker;
    (void)task;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(regex_find(r, SLICE("the quick brown fox"), 0, m, NULL), 1);
        (void)regex_group(m, 0, &begin, &end);
        assert_int_equal(begin, 10);
    }
    regex_match_free(m);
}

static void test_threads(void **state)
{
    struct error error;
    struct regex *r = regex_compile("\\bbr\\w+", 0, &error);
    struct pool *p = pool_new(4);
    (void)state;
    pool_run(p, 64, search_task, r);
    pool_free(p);
    regex_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags),    cmocka_unit_test(test_groups),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_stack),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
