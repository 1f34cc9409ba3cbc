/* Memory: what fails dies with a word or says so politely; arrays grow; clocks go forward. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/vec.h"

static void leave(size_t size)
{
    _exit(size == SIZE_MAX ? 42 : 43);
}

/* The exit status of a child that asks for more than there can be. */
static int ask_too_much(int how)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        size_t cap = 0;
        mem_on_failure(leave);
        if (how == 0)
            (void)mem_grow(NULL, SIZE_MAX / 2, 3);
        else
            (void)vec_reserve(NULL, &cap, SIZE_MAX / 16, 32);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_failure_hook(void **state)
{
    (void)state;
    assert_int_equal(ask_too_much(0), 42);
    assert_int_equal(ask_too_much(1), 42);
}

static void test_small(void **state)
{
    char *text = mem_strndup("abcdef", 3);
    unsigned char *zeros = mem_zero(10, 10);
    void *nothing = mem_alloc(0);
    (void)state;
    assert_string_equal(text, "abc");
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeros[i], 0);
    assert_non_null(nothing);
    mem_free(text);
    mem_free(zeros);
    mem_free(nothing);
    mem_free(NULL);
    assert_true(mem_peak() > 100000);
}

static void test_try(void **state)
{
    struct error error = {0};
    unsigned char *block = mem_try(100, "a tensor", &error);
    (void)state;
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % 64, 0);
    assert_int_equal(block[0] | block[99], 0);
    mem_free(block);
    assert_null(mem_try(SIZE_MAX, "a tensor", &error));
    assert_int_equal(error.code, ERROR_MEMORY);
    assert_non_null(strstr(error.text, "a tensor"));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they stop the program */
    error_clear(&error);
    assert_null(mem_try(SIZE_MAX / 2, "a tensor", &error));
    assert_int_equal(error.code, ERROR_MEMORY);
#endif
}

static void test_vec(void **state)
{
    int *items = NULL;
    size_t n = 0, cap = 0, moves = 0, before;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        before = cap;
        items = vec_reserve(items, &cap, n + 1, sizeof *items);
        moves += cap != before;
        items[n++] = i;
    }
    assert_true(moves < 40);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(items[i], i);
    mem_free(items);
}

static void test_large_in_arena(void **state)
{
    struct arena a = ARENA;
    char *large = arena_alloc(&a, 1 << 20), *small = arena_alloc(&a, 1),
         *empty = arena_alloc(&a, 0);
    (void)state;
    memset(large, 1, 1 << 20);
    *small = 2;
    assert_non_null(empty);
    assert_int_equal(large[(1 << 20) - 1], 1);
    assert_string_equal(arena_copy(&a, (struct slice){NULL, 0}).data, "");
    arena_reset(&a);
    arena_reset(&a);
    arena_free(&a);
    arena_free(&a);
}

static void test_clocks(void **state)
{
    char text[32];
    int64_t before = clock_ns(), cpu = clock_cpu_ns();
    (void)state;
    clock_sleep_ms(2);
    clock_sleep_ms(0);
    clock_sleep_ms(-5);
    assert_true(clock_ns() - before >= 2000000);
    assert_true(clock_cpu_ns() >= cpu);
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
    clock_iso(INT64_C(1772366400000), text);
    assert_string_equal(text, "2026-03-01T12:00:00Z");
    clock_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failure_hook),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_try),
        cmocka_unit_test(test_vec),
        cmocka_unit_test(test_large_in_arena),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
