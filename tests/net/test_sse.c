/* Server-sent events: however the bytes are cut, the same events come out. */
#include "net/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool collect(void *context, struct slice data)
{
    struct buf *out = context;
    buf_slice(out, data);
    buf_char(out, '|');
    return true;
}

/* The events of a body whose pieces are `step` bytes long. */
static void read_in_steps(struct slice body, size_t step, struct buf *out)
{
    struct sse s = SSE_MAX(1024);
    buf_clear(out);
    for (size_t at = 0; at < body.len; at += step)
        sse_add(&s, slice_sub(body, at, step), collect, out);
    sse_free(&s);
}

static void check(struct slice body, const char *want)
{
    struct buf out = BUF;
    for (size_t step = 1; step <= body.len; step++) {
        read_in_steps(body, step, &out);
        assert_string_equal(buf_text(&out), want);
    }
    buf_free(&out);
}

static void events(void **state)
{
    (void)state;
    check(SLICE("data: a\n\ndata:b\n\n"), "a|b|");
    check(SLICE("data: a\r\n\r\ndata: b\r\n\r\n"), "a|b|");
    check(SLICE("data: a\r\rdata: b\r\r"), "a|b|");
    check(SLICE("data: one\ndata: two\n\n"), "one\ntwo|");
    check(SLICE(": a comment\nevent: x\nid: 4\ndata: a\nretry: 1\n\n\n\n"), "a|");
    check(SLICE("data:\n\n"), "|");
    check(SLICE("data:  a \n\n"), " a |");
    check(SLICE("data: cut off\n"), "");
    check(SLICE("{\"no\": \"event\"}\n\n"), "");
}

static void nul_bytes(void **state)
{
    const char body[] = "data: a\0b\n\n";
    struct sse s = SSE_MAX(64);
    struct buf out = BUF;
    (void)state;
    sse_add(&s, slice_from(body, sizeof body - 1), collect, &out);
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.data, "a\0b|", 4);
    buf_free(&out);
    sse_free(&s);
}

static void an_endless_line_ends_it(void **state)
{
    struct sse s = SSE_MAX(64);
    struct buf out = BUF;
    (void)state;
    for (int i = 0; i < 100; i++)
        sse_add(&s, SLICE("data: 0123456789"), collect, &out);
    sse_add(&s, SLICE("\n\ndata: a\n\n"), collect, &out);
    assert_true(s.full);
    assert_int_equal(out.len, 0);
    assert_true(s.line.cap <= 128);
    sse_free(&s);
    buf_free(&out);
}

static bool refuse(void *context, struct slice data)
{
    (void)data;
    ++*(int *)context;
    return false;
}

static void a_hearer_may_stop(void **state)
{
    struct sse s = SSE_MAX(64);
    int heard = 0;
    (void)state;
    sse_add(&s, SLICE("data: a\n\ndata: b\n\n"), refuse, &heard);
    assert_int_equal(heard, 1);
    sse_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events),
        cmocka_unit_test(nul_bytes),
        cmocka_unit_test(an_endless_line_ends_it),
        cmocka_unit_test(a_hearer_may_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
