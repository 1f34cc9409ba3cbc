/*
 * Clients that leave, and a server that ends: nobody writes for those who hung up, and everybody who
 * waits hears how it ends.
 */
#include "tests/serve/served.h"

/* Many more replies than there are slots. */
static const char crowd[] = "{\"prompt\":\"the\",\"max_tokens\":240,\"ignore_eos\":true,\"n\":128}";

/* Send a request and keep the connection. */
static int post(const char *body)
{
    struct buf request = BUF;
    const int fd = dial();
    buf_printf(&request,
               "POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sesame\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               strlen(body), body);
    assert_int_equal(write(fd, request.data, request.len), (ssize_t)request.len);
    buf_free(&request);
    return fd;
}

/* What arrives until the server closes. */
static void read_all(int fd, struct buf *out)
{
    char chunk[4096];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        buf_add(out, chunk, (size_t)n);
    close(fd);
}

/* A number of /metrics. */
static long metric(const char *name)
{
    struct buf out = BUF, line = BUF;
    const char *at;
    long value;
    assert_int_equal(ask("GET", "/metrics", "sesame", NULL, &out), 200);
    buf_printf(&line, "\nretort_%s ", name);
    at = strstr(buf_text(&out), buf_text(&line));
    assert_non_null(at);
    value = strtol(at + line.len, NULL, 10);
    buf_free(&out);
    buf_free(&line);
    return value;
}

static void await(const char *name, long value)
{
    const int64_t end = clock_ns() + (int64_t)30 * 1000000000;
    while (metric(name) != value && clock_ns() < end)
        clock_sleep_ms(5);
    assert_int_equal(metric(name), value);
}

/* Twelve clients wait for whole replies and hang up: what runs is given up, what waits never runs. */
static void test_waiters_hang_up(void **state)
{
    int fds[12];
    long before, written;
    (void)state;
    before = metric("generation_tokens_total");
    for (int i = 0; i < 12; i++)
        fds[i] = post(crowd);
    await("jobs_total", 12);
    for (int i = 0; i < 12; i++)
        close(fds[i]);
    await("jobs_waiting", 0);
    await("replies_running", 0);
    written = metric("generation_tokens_total") - before;
    assert_true(written < 12 * 128 * 240 / 2);
}

/* What stands in front of the next request does not look like an end. */
static void test_pipelined(void **state)
{
    static const char request[] =
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sesame\r\n"
        "Content-Length: 49\r\n\r\n{\"prompt\":\"the\",\"max_tokens\":9,\"ignore_eos\":true}";
    struct buf out = BUF;
    char chunk[4096];
    int answers = 0;
    ssize_t n = 1;
    const int fd = dial();
    (void)state;
    assert_int_equal(strlen(strstr(request, "{")), 49);
    for (int i = 0; i < 3; i++)
        assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
    while (answers < 3 && n > 0) {
        n = read(fd, chunk, sizeof chunk);
        buf_add(&out, chunk, n > 0 ? (size_t)n : 0);
        answers = 0;
        for (const char *p = buf_text(&out); (p = strstr(p, "\"usage\"")) != NULL; p++)
            answers++;
    }
    assert_int_equal(answers, 3);
    close(fd);
    buf_free(&out);
}

/* Nobody new is let in. */
static void await_closed_door(void)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int64_t end = clock_ns() + (int64_t)30 * 1000000000;
    int fd, rc = 0;
    inet_pton(AF_INET, "127.0.0.1", &where.sin_addr);
    while (rc == 0 && clock_ns() < end) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        rc = connect(fd, (struct sockaddr *)&where, sizeof where);
        close(fd);
        clock_sleep_ms(5);
    }
    assert_int_equal(rc, -1);
}

/* The end: a connection that was kept gets no new reply, and when the time to drain is over a reply in
 * the making, one in the queue and a stream are all answered. */
static void test_end(void **state)
{
    static const char stream[] = "{\"prompt\":[[5],[6],[7],[8],[9],[10],[11],[12]],\"max_tokens\":"
                                 "240,\"ignore_eos\":true,\"n\":128,\"stream\":true}";
    struct buf out = BUF;
    int kept, waits[8], streamed;
    (void)state;
    kept = post("{\"prompt\":\"the\",\"max_tokens\":1}");
    assert_true(read(kept, &(char[4096]){0}, 4096) > 0);
    streamed = post(stream);
    for (int i = 0; i < 8; i++)
        waits[i] = post(crowd);
    signals_raise(SIGTERM);
    await_closed_door();
    assert_true(write(kept, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 33) == 33);
    read_all(kept, &out);
    assert_non_null(strstr(buf_text(&out), "HTTP/1.1 503"));
    assert_non_null(strstr(buf_text(&out), "shutting down"));
    for (int i = 0; i < 8; i++) {
        buf_clear(&out);
        read_all(waits[i], &out);
        if (strstr(buf_text(&out), "HTTP/1.1 200") == NULL)
            assert_non_null(strstr(buf_text(&out), "shutting down"));
    }
    assert_non_null(strstr(buf_text(&out), "HTTP/1.1 503"));
    buf_clear(&out);
    read_all(streamed, &out);
    assert_non_null(strstr(buf_text(&out), "data: {\"error\":"));
    assert_null(strstr(buf_text(&out), "[DONE]"));
    assert_non_null(strstr(buf_text(&out), "\r\n0\r\n\r\n")); /* whole, as HTTP goes */
    buf_free(&out);
}

static int start_hasty(void **state)
{
    drain_s = 1;
    return start(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiters_hang_up),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, start_hasty, stop);
}
