/* A conversation with a server: chat completions, streamed. */
#include "serve/talk.h"

#include "core/mem.h"
#include "core/signals.h"
#include "net/endpoint.h"
#include "net/http.h"
#include "net/sse.h"

#include <math.h>
#include <string.h>

enum { REPLY_MAX = 16 << 20, TRIES = 3, CONNECT_MS = 10000, IDLE_MS = 120000, WAIT_MS = 200 };

struct server {
    struct talk talk;
    struct endpoint endpoint;
    struct json *stream; /* {"stream":true,…}: what is added to every body */
    struct http *http;
    double temperature;
    int64_t max_tokens;
};

/* A reply on its way. */
struct hearing {
    const struct talk_turn *turn;
    struct talk_reply *out;
    struct sse events;
    size_t seen; /* bytes of the body handed to it */
    bool over, cancelled, streamed;
    char fault[256]; /* what an error within the stream said; "" none */
};

static void on_done(struct http_exchange *x)
{
    ((struct hearing *)x->context)->over = true;
}

static void say_text(struct hearing *h, struct slice text)
{
    if (text.len == 0)
        return;
    buf_slice(&h->out->text, text);
    if (!h->turn->text(h->turn->context, text))
        h->cancelled = true;
}

static void take_finish(struct hearing *h, struct slice reason)
{
    if (slice_is(reason, "length"))
        h->out->finish = "length";
    else if (slice_is(reason, "content_filter"))
        h->out->finish = "content_filter";
}

/* One event: a piece of the reply, its end, or the usage. */
static bool on_event(void *context, struct slice data)
{
    struct hearing *h = context;
    struct json *root = json_parse(data, JSON_REPAIR, NULL);
    const struct json *choice = json_at(json_get(root, "choices"), 0);
    const struct json *fault = json_get(root, "error"), *usage = json_get(root, "usage");
    h->streamed = true;
    if (json_type(fault) == JSON_OBJECT)
        net_line(json_string(json_get(fault, "message")), h->fault, sizeof h->fault);
    say_text(h, json_string(json_path(choice, "delta.content")));
    take_finish(h, json_string(json_get(choice, "finish_reason")));
    (void)json_integer(json_get(usage, "prompt_tokens"), &h->out->prompt_tokens);
    (void)json_integer(json_get(usage, "completion_tokens"), &h->out->completion_tokens);
    json_free(root);
    return !h->cancelled;
}

/* A server that does not stream sends the whole reply. */
static int take_whole(const struct server *s, struct hearing *h, struct slice body,
                      struct error *error)
{
    struct net_reply reply;
    struct net_failure failure;
    int rc = s->endpoint.provider->reply(body, &reply, &failure);
    if (rc != 0) {
        error_set(error, ERROR_FAILED, "%s: %s", s->talk.name, failure.message);
    } else {
        say_text(h, reply.choices[0].text);
        take_finish(h, reply.choices[0].finish_reason);
        h->out->prompt_tokens = reply.usage.input;
        h->out->completion_tokens = reply.usage.output;
    }
    net_reply_free(&reply);
    return rc;
}

/* Drive the exchange to its end, handing out what comes. */
static int hear(struct server *s, struct http_exchange *x, struct hearing *h, struct error *error)
{
    unsigned watched;
    if (http_submit(s->http, x, error) != 0)
        return -1;
    while (!h->over && !h->cancelled) {
        if (http_poll(s->http, WAIT_MS, &watched, error) != 0)
            return -1;
        if (h->turn != NULL && x->reply.len > h->seen && x->reply.data[0] != '{') {
            sse_add(&h->events, slice_sub(buf_view(&x->reply), h->seen, x->reply.len), on_event, h);
            h->seen = x->reply.len;
        }
        if (signals_draining())
            h->cancelled = true;
    }
    http_cancel(s->http, x, NET_OK);
    return 0;
}

/* What the exchange came to: 0 a reply, 1 ask again in another dialect, -1. */
static int settle(struct server *s, const struct http_exchange *x, struct hearing *h,
                  struct error *error)
{
    struct endpoint *e = &s->endpoint;
    const struct net_dialect sent = e->dialect;
    struct net_failure failure;
    if (h->cancelled) {
        h->out->finish = "cancelled";
        return 0;
    }
    if (x->cause != NET_OK)
        return error_set(error, ERROR_FAILED, "%s: %s%s%s", e->url, net_cause_name(x->cause),
                         x->message[0] != '\0' ? ": " : "", x->message);
    if (x->status == 200 && h->fault[0] != '\0')
        return error_set(error, ERROR_FAILED, "%s: %s", s->talk.name, h->fault);
    if (x->status == 200)
        return h->streamed ? 0 : take_whole(s, h, buf_view(&x->reply), error);
    e->provider->failure(x->status, buf_view(&x->reply), &failure);
    if (e->provider->adapt != NULL && e->provider->adapt(&failure, &sent, &e->dialect))
        return 1;
    return error_set(error, ERROR_FAILED, "%s: status %d: %s", e->url, x->status, failure.message);
}

static int try_once(struct server *s, struct hearing *h, struct error *error)
{
    const struct net_params params = {.model = s->endpoint.model,
                                      .max_tokens = s->max_tokens,
                                      .temperature = s->temperature,
                                      .top_p = (double)NAN,
                                      .seed = (int64_t)(h->turn->seed & INT32_MAX),
                                      .top_logprobs = -1,
                                      .extra = s->stream};
    struct buf messages = BUF, body = BUF;
    struct net_request ask = {.params = &params};
    struct http_exchange x = {.url = s->endpoint.url,
                              .route = &s->endpoint.route,
                              .headers = &s->endpoint.headers,
                              .done = on_done,
                              .context = h};
    int rc = json_write(h->turn->messages, 0, &messages);
    ask.messages_json = buf_view(&messages);
    if (rc == 0)
        rc = s->endpoint.provider->body(&ask, &s->endpoint.dialect, &body, error);
    x.body = buf_view(&body);
    h->events = SSE_MAX(REPLY_MAX);
    if (rc == 0)
        rc = hear(s, &x, h, error);
    if (rc == 0)
        rc = settle(s, &x, h, error);
    sse_free(&h->events);
    http_exchange_clear(&x);
    buf_free(&messages);
    buf_free(&body);
    return rc;
}

static int say(struct talk *t, const struct talk_turn *turn, struct talk_reply *out,
               struct error *error)
{
    struct server *s = (struct server *)t;
    for (int i = 0; i < TRIES; i++) {
        struct hearing h = {.turn = turn, .out = out};
        const int rc = try_once(s, &h, error);
        if (rc <= 0)
            return rc;
    }
    return error_set(error, ERROR_FAILED, "%s: refuses every form of the request", t->name);
}

/* ---- opening ----------------------------------------------------------------------------------- */

/* The address with /v1 behind a bare host. */
static void put_address(struct json *teacher, const char *to)
{
    const char *host = strstr(to, "://") + 3;
    const size_t bare = strcspn(host, "/");
    struct buf url = BUF;
    buf_str(&url, to);
    if (host[bare] == '\0' || host[bare + 1] == '\0') {
        url.len = (size_t)(host - to) + bare;
        buf_str(&url, "/v1");
    }
    json_put_text(teacher, "base_url", buf_text(&url));
    buf_free(&url);
}

/* The address of the list of models: the endpoint's without the provider's path. */
static char *list_address(const struct endpoint *e)
{
    struct buf url = BUF;
    buf_add(&url, e->name, strlen(e->name) - strlen(e->provider->path));
    buf_str(&url, "/models");
    return buf_take(&url);
}

/* Ask the server what it serves; the first name, allocated, or NULL. */
static char *first_model(struct server *s, struct error *error)
{
    struct talk_reply none = {.text = BUF};
    struct hearing h = {.out = &none};
    char *url = list_address(&s->endpoint), *name = NULL;
    struct http_exchange x = {.url = url,
                              .route = &s->endpoint.route,
                              .headers = &s->endpoint.headers,
                              .done = on_done,
                              .context = &h};
    if (hear(s, &x, &h, error) == 0) {
        struct json *root = json_parse(buf_view(&x.reply), JSON_REPAIR, NULL);
        const char *id = json_text(json_path(root, "data.0.id"), NULL);
        if (x.cause == NET_OK && x.status == 200 && id != NULL)
            name = mem_strdup(id);
        else
            error_set(error, ERROR_FAILED,
                      "%s: no list of models (%s); name one with --model, and give the address up "
                      "to and including /v1",
                      url, x.cause != NET_OK ? net_cause_name(x.cause) : "not what was expected");
        json_free(root);
    }
    http_exchange_clear(&x);
    mem_free(url);
    return name;
}

static void close_server(struct talk *t)
{
    struct server *s = (struct server *)t;
    http_close(s->http);
    endpoint_close(&s->endpoint);
    json_free(s->stream);
    mem_free(s);
}

static const struct talk_ops ops = {say, close_server};

static int open_endpoint(struct server *s, const struct talk_how *how, struct error *error)
{
    struct json *teacher = json_new_object();
    int rc;
    put_address(teacher, how->to);
    if (how->model != NULL)
        json_put_text(teacher, "model", how->model);
    if (how->key_env != NULL)
        json_put_text(teacher, "api_key_env", how->key_env);
    if (how->key_file != NULL)
        json_put_text(teacher, "api_key_file", how->key_file);
    rc = endpoint_open(&s->endpoint, teacher, ".", error);
    json_free(teacher);
    return rc;
}

struct talk *talk_server(const struct talk_how *how, struct error *error)
{
    const struct http_options options = {.max_in_flight = 1,
                                         .connect_ms = CONNECT_MS,
                                         .idle_ms = IDLE_MS,
                                         .max_body = REPLY_MAX,
                                         .max_headers = 1 << 16};
    struct server *s = mem_zero(1, sizeof *s);
    char *listed = NULL;
    s->talk.ops = &ops;
    s->temperature = how->temperature;
    s->max_tokens = how->max_tokens;
    s->stream = json_parse(SLICE("{\"stream\":true,\"stream_options\":{\"include_usage\":true}}"),
                           0, error);
    if (open_endpoint(s, how, error) != 0 || (s->http = http_open(&options, error)) == NULL)
        goto fail;
    if (how->model == NULL) {
        if ((listed = first_model(s, error)) == NULL)
            goto fail;
        mem_free(s->endpoint.model);
        s->endpoint.model = listed;
    }
    s->talk.name = mem_strdup(s->endpoint.model);
    return &s->talk;
fail:
    talk_close(&s->talk);
    return NULL;
}
