#include "serve/serve.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/signals.h"
#include "serve/engine.h"
#include "serve/exchange.h"
#include "serve/httpd.h"
#include "serve/loaded.h"
#include "serve/request.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

enum {
    BODY_MAX = 8 << 20,
    CONNECTIONS = 1024,
    IDLE_S = 120,
};

struct server {
    const struct serve_options *options;
    struct loaded loaded;
    struct served served;
    struct engine *engine;
    struct httpd *httpd;
    int64_t started_ms;
    atomic_uint_fast64_t replies[6]; /* by the hundreds of the status */
};

/* -- small endpoints ------------------------------------------------------------------------- */

static void count_status(struct server *s, int status)
{
    atomic_fetch_add(&s->replies[status / 100 % 6], 1);
}

static void answer(struct server *s, struct httpd_request *r, const char *type, struct buf *body)
{
    count_status(s, 200);
    httpd_reply(r, 200, type, buf_view(body));
    buf_free(body);
}

static void refuse(struct server *s, struct httpd_request *r, const struct api_problem *problem)
{
    count_status(s, problem->status);
    exchange_refuse(r, problem);
}

static void handle_health(struct server *s, struct httpd_request *r)
{
    struct buf body = BUF;
    buf_str(&body, "{\"status\":\"ok\"}");
    answer(s, r, "application/json", &body);
}

static void describe_model(const struct server *s, struct buf *out)
{
    buf_str(out, "{\"id\":");
    json_quote(slice_of(s->served.name), JSON_REPAIR, out);
    buf_printf(out,
               ",\"object\":\"model\",\"created\":%lld,\"owned_by\":\"retort\","
               "\"max_model_len\":%d}",
               (long long)(s->started_ms / 1000), s->served.capacity);
}

static void handle_models(struct server *s, struct httpd_request *r)
{
    struct buf body = BUF;
    buf_str(&body, "{\"object\":\"list\",\"data\":[");
    describe_model(s, &body);
    buf_str(&body, "]}");
    answer(s, r, "application/json", &body);
}

static void handle_model(struct server *s, struct httpd_request *r)
{
    const char *name = httpd_path(r) + strlen("/v1/models/");
    struct api_problem problem;
    struct buf body = BUF;
    if (strcmp(name, s->served.name) == 0) {
        describe_model(s, &body);
        answer(s, r, "application/json", &body);
        return;
    }
    api_problem_set(&problem, 404, "invalid_request_error", "model",
                    "there is no model '%.200s' here, only '%.200s'", name, s->served.name);
    problem.code = "model_not_found";
    refuse(s, r, &problem);
}

static void metric(struct buf *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    buf_printf(out, "# HELP retort_%s %s\n# TYPE retort_%s %s\nretort_%s %llu\n", name, help, name,
               type, name, (unsigned long long)value);
}

static void handle_metrics(struct server *s, struct httpd_request *r)
{
    struct engine_stats stats;
    struct buf body = BUF;
    engine_stats(s->engine, &stats);
    metric(&body, "prompt_tokens_total", "counter", "Tokens of prompts.", stats.prompt_tokens);
    metric(&body, "generation_tokens_total", "counter", "Tokens written.", stats.completion_tokens);
    metric(&body, "jobs_total", "counter", "Prompts accepted.", stats.jobs);
    metric(&body, "jobs_refused_total", "counter", "Prompts refused, queue full.", stats.refused);
    metric(&body, "steps_total", "counter", "Passes of the model.", stats.steps);
    metric(&body, "replies_running", "gauge", "Replies being written.", (uint64_t)stats.running);
    metric(&body, "jobs_waiting", "gauge", "Prompts in the queue.", (uint64_t)stats.waiting);
    metric(&body, "connections_open", "gauge", "Requests being answered.", httpd_open(s->httpd));
    metric(&body, "resident_memory_peak_bytes", "gauge", "Peak memory.", mem_peak());
    buf_str(&body, "# HELP retort_http_replies_total Replies by class of status.\n"
                   "# TYPE retort_http_replies_total counter\n");
    for (int i = 2; i < 6; i++)
        buf_printf(&body, "retort_http_replies_total{code=\"%dxx\"} %llu\n", i,
                   (unsigned long long)atomic_load(&s->replies[i]));
    answer(s, r, "text/plain; version=0.0.4", &body);
}

static struct json *body_object(struct server *s, struct httpd_request *r)
{
    struct api_problem problem;
    struct error error = {0};
    struct json *body = json_parse(httpd_body(r), JSON_REPAIR, &error);
    if (body != NULL)
        return body;
    api_problem_set(&problem, 400, "invalid_request_error", NULL, "the body is not JSON: %s",
                    error.text);
    refuse(s, r, &problem);
    return NULL;
}

static void invalid_field(struct server *s, struct httpd_request *r, const char *field,
                          const char *what)
{
    struct api_problem problem;
    api_problem_set(&problem, 400, "invalid_request_error", field, "%s: expected %s", field, what);
    refuse(s, r, &problem);
}

/* {"content":…} as llama.cpp, {"prompt":…} as vLLM. */
static void handle_tokenize(struct server *s, struct httpd_request *r)
{
    struct json *in = body_object(s, r);
    struct tokens ids = TOKENS;
    struct error error = {0};
    struct buf body = BUF;
    struct slice text = json_string(json_get(in, "content"));
    unsigned flags = TOKENIZER_PARSE;
    if (in == NULL)
        return;
    if (text.data == NULL)
        text = json_string(json_get(in, "prompt"));
    if (json_true(json_get(in, "add_special")) || json_true(json_get(in, "add_special_tokens")))
        flags |= TOKENIZER_TEMPLATE;
    if (text.data == NULL ||
        tokenizer_encode(s->loaded.tokenizer, s->served.scratch, text, flags, &ids, &error) != 0) {
        invalid_field(s, r, "content", text.data == NULL ? "a text" : "a shorter text");
    } else {
        buf_str(&body, "{\"tokens\":[");
        for (size_t i = 0; i < ids.n; i++)
            buf_printf(&body, "%s%d", i != 0 ? "," : "", ids.ids[i]);
        buf_printf(&body, "],\"count\":%zu,\"max_model_len\":%d}", ids.n, s->served.capacity);
        answer(s, r, "application/json", &body);
    }
    tokens_free(&ids);
    json_free(in);
}

static void handle_detokenize(struct server *s, struct httpd_request *r)
{
    struct json *in = body_object(s, r);
    const struct json *list = json_get(in, "tokens");
    struct tokens ids = TOKENS;
    struct buf text = BUF, body = BUF;
    bool good = json_type(list) == JSON_ARRAY;
    if (in == NULL)
        return;
    for (const struct json *node = json_first(list); good && node != NULL; node = json_next(node)) {
        int64_t id = -1;
        good = json_integer(node, &id) == 0 && id >= 0 && id < tokenizer_size(s->loaded.tokenizer);
        tokens_push(&ids, (int32_t)id);
    }
    if (!good) {
        invalid_field(s, r, "tokens", "a list of this model's token ids");
    } else {
        tokenizer_decode(s->loaded.tokenizer, ids.ids, ids.n, 0, &text);
        buf_str(&body, "{\"content\":");
        json_quote(buf_view(&text), JSON_REPAIR, &body);
        buf_char(&body, '}');
        answer(s, r, "application/json", &body);
    }
    buf_free(&text);
    tokens_free(&ids);
    json_free(in);
}

static void handle_completion(struct server *s, struct httpd_request *r, enum request_kind kind)
{
    struct api_problem problem;
    struct request request;
    if (request_parse(&request, kind, httpd_body(r), &s->served, &problem) != 0)
        refuse(s, r, &problem);
    else
        count_status(s, exchange_begin(s->engine, &s->served, &request, r));
    request_free(&request);
}

static void handle_chat(struct server *s, struct httpd_request *r)
{
    handle_completion(s, r, REQUEST_CHAT);
}

static void handle_text(struct server *s, struct httpd_request *r)
{
    handle_completion(s, r, REQUEST_TEXT);
}

/* -- routing --------------------------------------------------------------------------------- */

struct route {
    const char *method, *path; /* with a slash at its end: all that begins so */
    bool open;                 /* without a key */
    void (*handle)(struct server *s, struct httpd_request *r);
};

static const struct route routes[] = {
    {"POST", "/v1/chat/completions", false, handle_chat},
    {"POST", "/v1/completions", false, handle_text},
    {"GET", "/v1/models", false, handle_models},
    {"GET", "/v1/models/", false, handle_model},
    {"GET", "/health", true, handle_health},
    {"GET", "/metrics", false, handle_metrics},
    {"POST", "/tokenize", false, handle_tokenize},
    {"POST", "/detokenize", false, handle_detokenize},
    {NULL, NULL, false, NULL},
};

/* Compare in a time that does not tell how much of the key was right. */
static bool same_key(const char *given, const char *key)
{
    const size_t n = strlen(key), m = strlen(given);
    unsigned char differ = n != m;
    for (size_t i = 0; i < n; i++)
        differ |= (unsigned char)(key[i] ^ (m != 0 ? given[i % m] : 0));
    return differ == 0;
}

static bool may_enter(const struct server *s, const struct httpd_request *r)
{
    const char *header = httpd_header(r, "Authorization");
    if (s->options->key == NULL)
        return true;
    return header != NULL && strncasecmp(header, "Bearer ", 7) == 0 &&
           same_key(header + 7, s->options->key);
}

static bool leads_to(const struct route *route, const char *path)
{
    const size_t n = strlen(route->path);
    return route->path[n - 1] == '/' ? strncmp(route->path, path, n) == 0
                                     : strcmp(route->path, path) == 0;
}

static const struct route *find_route(const struct httpd_request *r, bool *path_known)
{
    *path_known = false;
    for (const struct route *route = routes; route->path != NULL; route++) {
        if (!leads_to(route, httpd_path(r)))
            continue;
        *path_known = true;
        if (strcmp(route->method, httpd_method(r)) == 0)
            return route;
    }
    return NULL;
}

static void handle(void *context, struct httpd_request *r)
{
    struct server *s = context;
    struct api_problem problem;
    bool path_known;
    const struct route *route = find_route(r, &path_known);
    if (route == NULL) {
        api_problem_set(&problem, path_known ? 405 : 404, "invalid_request_error", NULL,
                        path_known ? "%s does not take this method" : "no such path: %s",
                        httpd_path(r));
        refuse(s, r, &problem);
    } else if (!route->open && !may_enter(s, r)) {
        api_problem_set(&problem, 401, "invalid_request_error", NULL,
                        "a valid API key is needed: Authorization: Bearer KEY");
        problem.code = "invalid_api_key";
        refuse(s, r, &problem);
    } else if (httpd_too_large(r)) {
        api_problem_set(&problem, 413, "invalid_request_error", NULL,
                        "the body is larger than %d bytes", BODY_MAX);
        refuse(s, r, &problem);
    } else {
        route->handle(s, r);
    }
}

/* -- life ------------------------------------------------------------------------------------ */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static int start(struct server *s, struct error *error)
{
    const struct serve_options *o = s->options;
    struct engine_options how = {.model = s->loaded.model,
                                 .tokenizer = s->loaded.tokenizer,
                                 .stops = s->loaded.stops,
                                 .n_stops = s->loaded.n_stops,
                                 .slots = o->slots,
                                 .queue = o->queue,
                                 .capacity = loaded_context(&s->loaded, o->context)};
    struct httpd_options http = {.address = o->address != NULL ? o->address : "127.0.0.1",
                                 .port = o->port,
                                 .max_body = BODY_MAX,
                                 .connections = CONNECTIONS,
                                 .idle_s = IDLE_S,
                                 .handle = handle,
                                 .context = s};
    s->served = (struct served){.name = o->name != NULL ? o->name : last_part(o->model),
                                .tokenizer = s->loaded.tokenizer,
                                .scratch = s->loaded.scratch,
                                .chat = s->loaded.chat,
                                .bos = s->loaded.bos,
                                .eos = s->loaded.eos,
                                .capacity = how.capacity};
    s->engine = engine_start(&how, error);
    if (s->engine == NULL)
        return -1;
    s->httpd = httpd_start(&http, error);
    return s->httpd != NULL ? 0 : -1;
}

/* Sleep until the signal, then let what runs finish. */
static void wait_and_drain(struct server *s)
{
    struct pollfd signal_fd = {signals_wake_fd(), POLLIN, 0};
    const int64_t second = 1000000000;
    int64_t deadline;
    while (!signals_draining())
        (void)poll(&signal_fd, signal_fd.fd >= 0 ? 1 : 0, 1000);
    httpd_quiesce(s->httpd);
    deadline = clock_ns() + s->options->drain_s * second;
    while (httpd_open(s->httpd) != 0 && clock_ns() < deadline)
        clock_sleep_ms(20);
}

static void server_free(struct server *s)
{
    engine_stop(s->engine); /* its jobs hold requests of the HTTP server, whose thread submits */
    httpd_stop(s->httpd);
    engine_free(s->engine);
    loaded_close(&s->loaded);
}

int serve_run(const struct serve_options *options, struct error *error)
{
    struct server s = {.options = options};
    const struct loaded_how how = {options->model, options->template, options->threads,
                                   options->int8};
    int rc = loaded_open(&s.loaded, &how, error);
    s.started_ms = clock_wall_ms();
    if (rc == 0)
        rc = start(&s, error);
    if (rc == 0) {
        if (options->ready != NULL)
            options->ready(options->ready_context, s.served.name, httpd_port(s.httpd));
        wait_and_drain(&s);
    }
    server_free(&s);
    return rc;
}
