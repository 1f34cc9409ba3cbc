/* The openai-completions provider against a server that net did not write: `retort serve` with the
 * weights of ../shared/models/tinystories-656k. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "net/http.h"
#include "net/logprobs.h"
#include "net/net.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODEL "../shared/models/tinystories-656k"

static struct {
    pid_t pid;
    char url[160];
    struct http *http;
} served;

static const struct net_provider *provider(void)
{
    return net_provider_find("openai-completions");
}

/* The address stands in the server's first lines: "… on http://HOST:PORT/v1; …". */
static void read_address(int fd)
{
    char text[4096];
    size_t n = 0;
    const char *at = NULL, *end = NULL;
    while (n < sizeof text - 1 && read(fd, text + n, 1) == 1) {
        text[++n] = '\0';
        at = strstr(text, " on http");
        if (at && (end = strpbrk(at + 4, "; \n")) != NULL)
            break;
    }
    assert_non_null(end);
    snprintf(served.url, sizeof served.url, "%.*s/completions", (int)(end - at - 4), at + 4);
}

static int start(void **state)
{
    const char *build = getenv("BUILD");
    char path[256];
    int err[2];
    struct error error = {0};
    struct http_options how = {.max_in_flight = 4,
                               .total_ms = 60000,
                               .max_body = 1 << 22,
                               .max_headers = 65536};
    (void)state;
    if (!file_exists(MODEL "/config.json"))
        return 0;
    snprintf(path, sizeof path, "%s/retort", build ? build : "build/release");
    assert_int_equal(pipe(err), 0);
    served.pid = fork();
    if (served.pid == 0) {
        dup2(err[1], 2);
        close(err[0]);
        close(err[1]);
        execl(path, path, "serve", MODEL, "--port", "0", "--name", "tiny", (char *)NULL);
        _exit(127);
    }
    close(err[1]);
    read_address(err[0]);
    served.http = http_open(&how, &error);
    assert_non_null(served.http);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (served.pid <= 0)
        return 0;
    http_close(served.http);
    kill(served.pid, SIGTERM);
    waitpid(served.pid, NULL, 0);
    return 0;
}

static void ended(struct http_exchange *x)
{
    *(bool *)x->context = true;
}

/* Ask, and hear: 0, or -1 with *failure.  The text of the reply is the caller's. */
static int ask(const struct net_request *q, struct net_reply *r, struct net_failure *failure,
               struct buf *text)
{
    static const struct net_dialect canonical = {0};
    struct buf body = BUF;
    struct error error = {0};
    struct net_headers headers = {.n = 0};
    bool over = false;
    unsigned watched = 0;
    assert_int_equal(provider()->body(q, &canonical, &body, &error), 0);
    assert_int_equal(provider()->headers(NULL, &headers, &error), 0);
    static const struct http_route direct = {.proxy = ""};
    struct http_exchange x = {.url = served.url,
                              .route = &direct,
                              .headers = &headers,
                              .body = buf_view(&body),
                              .done = ended,
                              .context = &over};
    assert_int_equal(http_submit(served.http, &x, &error), 0);
    while (!over)
        assert_int_equal(http_poll(served.http, 1000, &watched, &error), 0);
    assert_int_equal(x.cause, NET_OK);
    *text = BUF;
    buf_slice(text, buf_view(&x.reply));
    int rc = -1;
    memset(r, 0, sizeof *r);
    if (x.status == 200)
        rc = provider()->reply(buf_view(text), r, failure);
    else
        provider()->failure(x.status, buf_view(text), failure);
    http_exchange_clear(&x);
    net_headers_free(&headers);
    buf_free(&body);
    return rc;
}

static bool absent(void)
{
    if (served.pid <= 0)
        print_message("SKIP: %s is absent\n", MODEL);
    return served.pid <= 0;
}

static const struct net_params greedy = {.model = "tiny",
                                         .max_tokens = 12,
                                         .temperature = 0,
                                         .top_p = (double)NAN,
                                         .seed = 1,
                                         .n = 1,
                                         .top_logprobs = -1};

/* n, stop, seed: what was asked for is what came. */
static void test_texts(void **state)
{
    struct net_params p = greedy;
    struct net_request q = {.prompt = SLICE("Once upon a time"), .params = &p};
    struct net_reply r, again;
    struct net_failure f;
    struct buf text, other;
    (void)state;
    if (absent())
        return;
    assert_int_equal(ask(&q, &r, &f, &text), 0);
    assert_true(slice_starts(r.choices[0].text, ", a little girl named Lily"));
    assert_true(slice_is(r.choices[0].finish_reason, "length"));
    assert_int_equal(r.usage.output, 12);
    assert_true(r.usage.input > 0);
    net_reply_free(&r);
    buf_free(&text);
    struct json *stops = json_parse(SLICE("[\" girl\"]"), 0, NULL);
    p.stop = stops;
    assert_int_equal(ask(&q, &r, &f, &text), 0);
    assert_true(slice_is(r.choices[0].text, ", a little"));
    assert_true(slice_is(r.choices[0].finish_reason, "stop"));
    net_reply_free(&r);
    buf_free(&text);
    json_free(stops);
    p = greedy;
    p.temperature = 1;
    p.n = 3;
    p.seed = 42;
    assert_int_equal(ask(&q, &r, &f, &text), 0);
    assert_int_equal(ask(&q, &again, &f, &other), 0);
    assert_int_equal(r.n_choices, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(slice_equal(r.choices[i].text, again.choices[i].text));
    assert_false(slice_equal(r.choices[0].text, r.choices[1].text));
    net_reply_free(&r);
    net_reply_free(&again);
    buf_free(&text);
    buf_free(&other);
}

/* Token ids ask the same as the text they stand for, and logprobs are those of the text. */
static void test_tokens_and_logprobs(void **state)
{
    static const int32_t ids[] = {5, 6, 7, 8};
    struct net_params p = greedy;
    struct net_request q = {.tokens = ids, .n_tokens = 4, .params = &p};
    struct net_reply r;
    struct net_failure f;
    struct buf text, joined = BUF;
    (void)state;
    if (absent())
        return;
    p.top_logprobs = 4;
    assert_int_equal(ask(&q, &r, &f, &text), 0);
    assert_int_equal(r.usage.input, 4);
    const struct net_logprobs *l = &r.choices[0].logprobs;
    assert_int_equal(l->n, 12);
    for (size_t i = 0; i < l->n; i++) {
        double tail = logprobs_tail(l, i);
        buf_slice(&joined, l->positions[i].sampled.bytes);
        assert_true(l->positions[i].sampled.logprob <= 0);
        assert_true(l->positions[i].count >= 1 && l->positions[i].count <= 5);
        assert_true(tail >= 0 && tail < 1);
    }
    assert_true(slice_equal(buf_view(&joined), r.choices[0].text));
    buf_free(&joined);
    net_reply_free(&r);
    buf_free(&text);
}

/* A given text is scored: what the server wrote itself has the logprobs it had then. */
static void test_scoring(void **state)
{
    struct net_params p = greedy;
    struct net_request q = {.prompt = SLICE("Once upon"), .params = &p};
    struct net_reply wrote, scored;
    struct net_failure f;
    struct buf text, again, whole = BUF;
    size_t n;
    (void)state;
    if (absent())
        return;
    p.echo = true;
    p.top_logprobs = 2;
    assert_int_equal(ask(&q, &wrote, &f, &text), 0);
    assert_true(slice_starts(wrote.choices[0].text, "Once upon"));
    n = wrote.choices[0].logprobs.n;
    buf_slice(&whole, wrote.choices[0].text);
    q.prompt = buf_view(&whole);
    p.max_tokens = 0;
    assert_int_equal(ask(&q, &scored, &f, &again), 0);
    assert_true(slice_equal(scored.choices[0].text, buf_view(&whole)));
    assert_int_equal(scored.choices[0].logprobs.n, n);
    assert_int_equal(scored.usage.output, 0);
    assert_true(isnan(scored.choices[0].logprobs.positions[0].sampled.logprob));
    for (size_t i = 1; i < n; i++) {
        const struct net_position *a = &wrote.choices[0].logprobs.positions[i],
                                  *b = &scored.choices[0].logprobs.positions[i];
        assert_true(slice_equal(a->sampled.bytes, b->sampled.bytes));
        assert_true(fabsf(a->sampled.logprob - b->sampled.logprob) < 1e-3F);
        assert_int_equal(b->count, 2);
    }
    net_reply_free(&wrote);
    net_reply_free(&scored);
    buf_free(&text);
    buf_free(&again);
    buf_free(&whole);
}

/* What a server does not offer is a classified failure that names the parameter. */
static void test_refusals(void **state)
{
    static const int32_t beyond[] = {2000000000};
    struct net_params p = greedy;
    struct net_request q = {.prompt = SLICE("Once upon"), .params = &p};
    struct net_reply r;
    struct net_failure f;
    struct buf text;
    (void)state;
    if (absent())
        return;
    p.echo = true;
    assert_int_equal(ask(&q, &r, &f, &text), 0);
    assert_true(slice_starts(r.choices[0].text, "Once upon"));
    net_reply_free(&r);
    buf_free(&text);
    p = greedy;
    q = (struct net_request){.tokens = beyond, .n_tokens = 1, .params = &p};
    assert_int_equal(ask(&q, &r, &f, &text), -1);
    assert_int_equal(f.cause, NET_BAD_REQUEST); /* of this prompt, not of every one */
    buf_free(&text);
    struct buf many = BUF;
    for (int i = 0; i < 5000; i++)
        buf_str(&many, "once upon a time ");
    q = (struct net_request){.prompt = buf_view(&many), .params = &p};
    assert_int_equal(ask(&q, &r, &f, &text), -1);
    assert_int_equal(f.cause, NET_CONTEXT_LENGTH);
    buf_free(&text);
    buf_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_tokens_and_logprobs),
        cmocka_unit_test(test_scoring),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
