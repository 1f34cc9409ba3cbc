/* The reply side of HTTP/1.1: how bodies are framed, and what is refused. */
#include "net/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct heard {
    struct http1 p;
    struct buf head, body;
};

static bool on_body(void *user, const char *data, size_t len)
{
    return !buf_add(user, data, len);
}

/* In pieces of `step` bytes; how many were taken. */
static size_t hear(struct heard *h, const char *text, size_t step)
{
    size_t size = strlen(text), taken = 0;
    memset(h, 0, sizeof *h);
    h->head = h->body = BUF;
    h->p.head = &h->head;
    h->p.body = on_body;
    h->p.user = &h->body;
    http1_begin(&h->p);
    for (size_t at = 0; at < size; at += step)
        taken += http1_feed(&h->p, text + at, size - at < step ? size - at : step);
    return taken;
}

static void forget(struct heard *h)
{
    http1_free(&h->p);
    buf_free(&h->head);
    buf_free(&h->body);
}

static const struct {
    const char *text, *body;
    enum http1_state state; /* before the connection ends */
    bool whole, keep;       /* when it has ended; before that */
} replies[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", HTTP1_DONE, true, true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", "hello", HTTP1_DONE,
     true, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", HTTP1_DONE, true, false},
    {"HTTP/1.1 200\nContent-Length: 0\n\n", "", HTTP1_DONE, true, true},
    {"HTTP/1.1 204 No Content\r\n\r\n", "", HTTP1_DONE, true, true},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab",
     HTTP1_DONE, true, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n"
     "Trailer: t\r\n\r\n",
     "abc0123456789", HTTP1_DONE, true, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: "
     "3\r\n\r\n1\r\na\r\n0\r\n\r\n",
     "a", HTTP1_DONE, true, false},
    {"HTTP/1.1 502 Bad\r\n\r\n<html>", "<html>", HTTP1_ALL, true, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "hello", HTTP1_LENGTH, false, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", "abc", HTTP1_CHUNK, false,
     true},
    {"HTTP/1.1 200 OK\r\nContent-", "", HTTP1_HEADER, false, true},
    {"<html>\r\n", "", HTTP1_BAD, false, false},
    {"HTTP/2 200\r\n\r\n", "", HTTP1_BAD, false, false},
    {"HTTP/1.1 101 Switching\r\n\r\n", "", HTTP1_BAD, false, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "", HTTP1_BAD, false,
     false},
    {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "", HTTP1_BAD, false, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "", HTTP1_BAD, false,
     false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "", HTTP1_BAD, false, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "", HTTP1_BAD, false, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "a", HTTP1_BAD, false,
     false},
};

static void test_framing(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof replies / sizeof *replies; k++)
        for (size_t step = 1; step < 200; step += step < 8 ? 1 : 63) {
            struct heard h;
            hear(&h, replies[k].text, step);
            assert_string_equal(buf_text(&h.body), replies[k].body);
            assert_int_equal(h.p.state, replies[k].state);
            assert_int_equal(h.p.keep, replies[k].keep);
            assert_int_equal(http1_end(&h.p), replies[k].whole);
            forget(&h);
        }
}

static void test_head(void **state)
{
    struct heard h;
    (void)state;
    hear(&h, "HTTP/1.1 429 No\r\nRetry-After:  7\r\nX-A: b\r\nContent-Length: 0\r\n\r\n", 5);
    assert_int_equal(h.p.status, 429);
    assert_string_equal(buf_text(&h.head), "Retry-After:  7\r\nX-A: b\r\nContent-Length: 0\r\n");
    forget(&h);
}

/* What follows the reply is not its own. */
static void test_more(void **state)
{
    struct heard h;
    (void)state;
    assert_int_equal(hear(&h, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200", 1000),
                     39);
    assert_int_equal(h.p.state, HTTP1_DONE);
    forget(&h);
}

static void test_endless(void **state)
{
    char line[2000];
    struct heard h;
    (void)state;
    memset(line, 'x', sizeof line);
    hear(&h, "HTTP/1.1 200 OK\r\n", 1000);
    for (int k = 0; k < 100 && h.p.state == HTTP1_HEADER; k++)
        (void)http1_feed(&h.p, line, sizeof line);
    assert_int_equal(h.p.state, HTTP1_BAD); /* one line without an end */
    forget(&h);
    memcpy(line, "a: ", 3);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    hear(&h, "HTTP/1.1 200 OK\r\n", 1000);
    for (int k = 0; k < 1000 && h.p.state == HTTP1_HEADER; k++)
        (void)http1_feed(&h.p, line, sizeof line);
    assert_int_equal(h.p.state, HTTP1_BAD); /* lines without an end */
    forget(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
