/*
 * bench_serve url=URL [in_flight=1,8,32] [tokens=128] [requests=2] [model=default] : ask an
 * OpenAI-compatible server for completions of `tokens` tokens, `requests` times as many as are in
 * flight, for each number in flight; one JSON line each.  Works with any server that heeds
 * ignore_eos (retort, vLLM, llama.cpp).
 */
#include "bench/words.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "net/http.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT_MAX = 1024 };

struct asked {
    struct http_exchange x;
    struct buf body;
    struct bench *bench;
};

struct bench {
    const char *url, *model;
    int in_flight, tokens, left, running, failed;
    int64_t got; /* completion tokens */
    struct http *http;
    struct net_headers headers;
    struct asked *asked;
};

static int ask(struct asked *a, struct error *error)
{
    struct bench *b = a->bench;
    buf_clear(&a->body);
    buf_printf(&a->body,
               "{\"model\":\"%s\",\"prompt\":\"Request number %d: once upon a time\",\"seed\":%d,"
               "\"max_tokens\":%d,\"temperature\":1,\"ignore_eos\":true}",
               b->model, b->left, b->left, b->tokens);
    b->left--;
    b->running++;
    a->x.body = buf_view(&a->body);
    return http_submit(b->http, &a->x, error);
}

static void done(struct http_exchange *x)
{
    struct asked *a = x->context;
    struct bench *b = a->bench;
    struct json *root = json_parse(buf_view(&x->reply), JSON_REPAIR, NULL);
    int64_t tokens = 0;
    struct error error = {0};
    if (x->status != 200 ||
        json_integer(json_path(root, "usage.completion_tokens"), &tokens) != 0) {
        if (b->failed++ == 0)
            fprintf(stderr, "bench_serve: status %d: %.200s\n", x->status, buf_text(&x->reply));
    }
    b->got += tokens;
    b->running--;
    json_free(root);
    if (b->left > 0 && ask(a, &error) != 0)
        fprintf(stderr, "bench_serve: %s\n", error.text);
}

static int round_of(struct bench *b, int requests, struct error *error)
{
    char *url = mem_alloc(strlen(b->url) + 16);
    int64_t began = clock_ns();
    double seconds;
    unsigned watched;
    int rc = 0;
    (void)snprintf(url, strlen(b->url) + 16, "%s/completions", b->url);
    b->asked = mem_zero((size_t)b->in_flight, sizeof *b->asked);
    b->left = requests * b->in_flight;
    for (int i = 0; i < b->in_flight && rc == 0; i++) {
        b->asked[i] = (struct asked){.body = BUF, .bench = b};
        b->asked[i].x = (struct http_exchange){.url = url,
                                               .headers = &b->headers,
                                               .done = done,
                                               .context = &b->asked[i]};
        rc = ask(&b->asked[i], error);
    }
    while (rc == 0 && b->running > 0)
        rc = http_poll(b->http, -1, &watched, error);
    seconds = (double)(clock_ns() - began) / 1e9;
    printf("{\"in_flight\":%d,\"requests\":%d,\"failed\":%d,\"tokens\":%lld,\"seconds\":%.2f,"
           "\"tokens_per_s\":%.1f}\n",
           b->in_flight, requests * b->in_flight, b->failed, (long long)b->got, seconds,
           (double)b->got / seconds);
    for (int i = 0; i < b->in_flight; i++) {
        http_exchange_clear(&b->asked[i].x);
        buf_free(&b->asked[i].body);
    }
    mem_free(b->asked);
    mem_free(url);
    return rc;
}

int main(int argc, char **argv)
{
    const struct http_options options = {.max_in_flight = IN_FLIGHT_MAX,
                                         .max_body = 16 << 20,
                                         .max_headers = 1 << 16};
    const char *list = words_find(argc, argv, "in_flight", "1,8,32");
    const int requests = (int)strtol(words_find(argc, argv, "requests", "2"), NULL, 10);
    struct bench b = {.url = words_find(argc, argv, "url", "http://127.0.0.1:8080/v1"),
                      .model = words_find(argc, argv, "model", "default"),
                      .tokens = (int)strtol(words_find(argc, argv, "tokens", "128"), NULL, 10)};
    struct error error = {0};
    int rc = 0;
    signal(SIGPIPE, SIG_IGN);
    if (net_headers_add(&b.headers, "Content-Type", "application/json", &error) != 0)
        rc = -1;
    while (rc == 0 && *list != '\0') {
        char *end;
        b.in_flight = (int)strtol(list, &end, 10);
        b.got = b.failed = 0;
        list = *end == ',' ? end + 1 : "";
        if (b.in_flight < 1 || b.in_flight > IN_FLIGHT_MAX) {
            rc = error_set(&error, ERROR_USAGE, "in_flight: numbers from 1 to %d", IN_FLIGHT_MAX);
        } else if ((b.http = http_open(&options, &error)) == NULL) {
            rc = -1;
        } else {
            rc = round_of(&b, requests, &error);
            http_close(b.http);
        }
        fflush(stdout);
    }
    net_headers_free(&b.headers);
    if (rc != 0)
        fprintf(stderr, "bench_serve: %s\n", error.text);
    return rc == 0 ? 0 : 1;
}
