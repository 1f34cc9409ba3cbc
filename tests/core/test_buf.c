/* Buffers, slices, arenas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/arena.h"
#include "core/buf.h"

static void test_maximum(void **state)
{
    struct buf b = BUF_MAX(4);
    (void)state;
    assert_int_equal(buf_str(&b, "abc"), 0);
    assert_int_equal(buf_str(&b, "de"), -1);
    assert_true(b.full);
    assert_string_equal(buf_text(&b), "abc");
    assert_int_equal(buf_char(&b, 'd'), -1);
    buf_clear(&b);
    assert_int_equal(buf_str(&b, "abcd"), 0);
    buf_free(&b);
}

static void test_printf_utf8(void **state)
{
    struct buf b = BUF;
    (void)state;
    buf_printf(&b, "%d-%s", 42, "x");
    buf_utf8(&b, 0x20AC);
    buf_utf8(&b, 0x1F600);
    buf_utf8(&b, 0xD83D);
    assert_string_equal(buf_text(&b), "42-x\xE2\x82\xAC\xF0\x9F\x98\x80\xEF\xBF\xBD");
    buf_free(&b);
}

static void test_slice(void **state)
{
    struct slice s = SLICE("  hello world ");
    (void)state;
    assert_true(slice_is(slice_trim(s), "hello world"));
    assert_int_equal(slice_find(s, SLICE("world")), 8);
    assert_int_equal(slice_find(s, SLICE("worlds")), s.len);
    assert_true(slice_starts(slice_trim(s), "hello"));
    assert_true(slice_ends(slice_trim(s), "world"));
    assert_true(slice_compare(SLICE("ab"), SLICE("abc")) < 0);
}

static void test_arena(void **state)
{
    struct arena a = ARENA;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        char *p = arena_alloc(&a, 100);
        assert_int_equal((uintptr_t)p % 16, 0);
        p[99] = 1;
    }
    assert_string_equal(arena_strdup(&a, "x"), "x");
    arena_reset(&a);
    assert_string_equal(arena_copy(&a, SLICE("yz")).data, "yz");
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_printf_utf8),
        cmocka_unit_test(test_slice),
        cmocka_unit_test(test_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
