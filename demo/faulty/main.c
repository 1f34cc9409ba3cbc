/*
 * faulty URL SHARE SEED: a proxy on a free port of 127.0.0.1 in front of the server at URL, that
 * spoils a share of the replies as teachers and networks do:
 *
 *     refusal     "I'm sorry, but I can't help with that."
 *     cut         the first half, finish_reason length
 *     chatter     "Sure! Here is the answer: …"
 *     swapped     the reply that another request got
 *     status      503 with an error body, for retort gen to try again
 *
 * What happens to a request depends on its body and SEED alone, but for `swapped`.
 */
#include "core/clock.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/signals.h"
#include "net/http.h"
#include "serve/httpd.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT = 256, BODY_MAX = 1 << 20, WAIT_MS = 5 };
enum fault { FAULT_NONE, FAULT_REFUSAL, FAULT_CUT, FAULT_CHATTER, FAULT_SWAPPED, FAULT_STATUS };

/* A request on its way through; made by the HTTP thread, finished by the main one. */
struct passage {
    struct http_exchange x;
    struct httpd_request *from;
    char *url, *body;
    enum fault fault;
    struct passage *next;
};

static struct {
    const char *base;
    double share;
    int flying; /* requests on their way; the main thread's */
    uint64_t seed, times;
    struct http *http;
    struct net_headers headers;
    pthread_mutex_t lock; /* of arrived */
    struct passage *arrived;
    char *last; /* the reply text that went by last */
} proxy;

/* Each body may come again (a retry, a second sample with the same words): 503 only the first
 * half of the times. */
static enum fault choose(struct slice body)
{
    const uint64_t h = hash64(body.data, body.len, proxy.seed);
    struct rng r = rng_new(proxy.seed ^ h, 7);
    const double u = (double)rng_below(&r, 1u << 30) / (double)(1u << 30);
    const enum fault fault = (enum fault)(1 + rng_below(&r, 5));
    if (u >= proxy.share)
        return FAULT_NONE;
    return fault == FAULT_STATUS && proxy.times++ % 2 != 0 ? FAULT_NONE : fault;
}

static void replace(struct json *choice, const char *before, struct slice text, const char *after)
{
    struct buf b = BUF;
    buf_str(&b, before);
    buf_slice(&b, text);
    buf_str(&b, after);
    json_put_string(json_edit(choice, "message"), "content", buf_view(&b));
    buf_free(&b);
}

static void spoil(struct json *root, enum fault fault)
{
    struct json *choice = json_edit_first(json_edit(root, "choices"));
    const struct slice text = json_string(json_path(choice, "message.content"));
    char *said = mem_strndup(text.data != NULL ? text.data : "", text.len);
    if (text.data == NULL || choice == NULL)
        fault = FAULT_NONE;
    if (fault == FAULT_REFUSAL)
        replace(choice, "I'm sorry, but I can't help with that.", SLICE(""), "");
    else if (fault == FAULT_CHATTER)
        replace(choice, "Sure! Here is the answer: ", slice_of(said), "");
    else if (fault == FAULT_SWAPPED && proxy.last != NULL)
        replace(choice, "", slice_of(proxy.last), "");
    else if (fault == FAULT_CUT) {
        replace(choice, "", slice_sub(slice_of(said), 0, strlen(said) / 2), "");
        json_put_text(choice, "finish_reason", "length");
    }
    mem_free(proxy.last);
    proxy.last = said;
}

static void done(struct http_exchange *x)
{
    struct passage *p = x->context;
    struct json *root = json_parse(buf_view(&x->reply), JSON_REPAIR, NULL);
    struct buf body = BUF;
    proxy.flying--;
    if (p->fault == FAULT_STATUS) {
        httpd_reply(p->from, 503, "application/json",
                    SLICE("{\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}"));
    } else if (x->cause != NET_OK || root == NULL) {
        httpd_reply(p->from, 502, "application/json",
                    SLICE("{\"error\":{\"message\":\"no reply\",\"type\":\"server_error\"}}"));
    } else {
        if (x->status == 200)
            spoil(root, p->fault);
        json_write(root, 0, &body);
        httpd_reply(p->from, x->status, "application/json", buf_view(&body));
    }
    buf_free(&body);
    json_free(root);
    httpd_release(p->from);
    http_exchange_clear(x);
    mem_free(p->url);
    mem_free(p->body);
    mem_free(p);
}

/* On the HTTP thread: hand the request over to the main one. */
static void handle(void *context, struct httpd_request *r)
{
    struct passage *p = mem_zero(1, sizeof *p);
    const struct slice body = httpd_body(r);
    struct buf url = BUF;
    const char *path = httpd_path(r);
    (void)context;
    buf_str(&url, proxy.base);
    buf_str(&url, strncmp(path, "/v1", 3) == 0 ? path + 3 : path);
    p->url = buf_take(&url);
    p->body = body.len != 0 ? mem_strndup(body.data, body.len) : NULL;
    p->from = r;
    p->fault = body.len != 0 ? choose(body) : FAULT_NONE;
    p->x = (struct http_exchange){.url = p->url,
                                  .headers = &proxy.headers,
                                  .body = slice_of(p->body),
                                  .done = done,
                                  .context = p};
    httpd_hold(r);
    pthread_mutex_lock(&proxy.lock);
    p->next = proxy.arrived;
    proxy.arrived = p;
    pthread_mutex_unlock(&proxy.lock);
}

static struct passage *take_arrived(void)
{
    struct passage *p;
    pthread_mutex_lock(&proxy.lock);
    p = proxy.arrived;
    proxy.arrived = NULL;
    pthread_mutex_unlock(&proxy.lock);
    return p;
}

static int run(struct error *error)
{
    unsigned watched;
    while (!signals_draining()) {
        for (struct passage *p = take_arrived(), *next; p != NULL; p = next) {
            next = p->next;
            if (http_submit(proxy.http, &p->x, error) != 0)
                return -1;
            proxy.flying++;
        }
        if (http_poll(proxy.http, WAIT_MS, &watched, error) != 0)
            return -1;
        if (proxy.flying == 0)
            clock_sleep_ms(WAIT_MS);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct http_options out = {.max_in_flight = IN_FLIGHT,
                                     .max_body = 16 << 20,
                                     .max_headers = 1 << 16};
    const struct httpd_options in = {.address = "127.0.0.1",
                                     .max_body = BODY_MAX,
                                     .connections = IN_FLIGHT,
                                     .idle_s = 120,
                                     .handle = handle};
    struct error error = {ERROR_NONE, ""};
    struct httpd *httpd = NULL;
    int rc = -1;
    if (argc != 4) {
        fprintf(stderr, "usage: faulty URL SHARE SEED\n");
        return 2;
    }
    proxy.base = argv[1];
    proxy.share = strtod(argv[2], NULL);
    proxy.seed = strtoull(argv[3], NULL, 10);
    pthread_mutex_init(&proxy.lock, NULL);
    signals_install();
    if (net_headers_add(&proxy.headers, "Content-Type", "application/json", &error) == 0 &&
        (proxy.http = http_open(&out, &error)) != NULL &&
        (httpd = httpd_start(&in, &error)) != NULL) {
        fprintf(stderr, "faulty: %s of the replies on http://127.0.0.1:%d/v1;\n", argv[2],
                httpd_port(httpd));
        rc = run(&error);
    }
    if (rc != 0)
        fprintf(stderr, "faulty: %s\n", error.text);
    if (httpd != NULL)
        httpd_stop(httpd);
    http_close(proxy.http);
    net_headers_free(&proxy.headers);
    mem_free(proxy.last);
    return rc == 0 ? 0 : 1;
}
