/*
 * A subject behind HTTP: a teacher, or any OpenAI-compatible server.  Requests go out many at a
 * time within the endpoint's limits, passing failures are tried again, and a reply is handed over
 * with the bytes it came in as soon as it is here.
 */
#include "eval/subject.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/signals.h"
#include "net/endpoint.h"
#include "net/http.h"
#include "net/limits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TRIES = 6, REPLY_MAX = 1 << 26, ADAPTED_MAX = 4 };

struct remote {
    struct subject subject;
    struct endpoint endpoint;
    struct pace pace;
    struct http *http;
    double spent_usd;
};

enum flight_state { FLIGHT_WAITING, FLIGHT_FLYING, FLIGHT_DONE };

struct flight {
    struct http_exchange x; /* its context is this */
    struct session *session;
    const struct question *question;
    struct buf body;
    enum flight_state state;
    int tries, adapted;
    struct net_dialect dialect; /* it was sent in */
    struct pace_ticket ticket;
    int64_t due_ns;
};

struct session {
    struct remote *r;
    struct flight *flights;
    size_t n, done, first; /* flights before `first` are done */
    subject_heard *heard;
    void *context;
    struct error *error;
    bool failed;
};

/* --- one reply ---------------------------------------------------------------------------- */

/* The asking ends; what was answered is stored. */
static void give_up(struct session *s, enum error_code code, const char *message,
                    const char *remedy)
{
    if (!s->failed)
        error_set(s->error, code, "%s: %s; answers so far are stored, %s", s->r->endpoint.label,
                  message, remedy);
    s->failed = true;
}

static void over(struct session *s, struct flight *f, const struct answer *a)
{
    struct answer full = *a;
    full.key = f->question->key;
    full.model = slice_of(s->r->subject.name);
    full.ms = (f->x.ended_ns - f->x.started_ns) / 1000000;
    f->state = FLIGHT_DONE;
    s->done++;
    if (!s->failed && s->heard(s->context, f->question->index, &full, s->error) != 0)
        s->failed = true;
}

static void try_again(struct session *s, struct flight *f, const struct net_limits *limits)
{
    double u =
        (double)(rng_at(f->question->key.lo, f->question->key.hi, (uint64_t)f->tries) >> 11) *
        0x1p-53;
    (void)s;
    f->due_ns = clock_ns() + pace_backoff_ns(f->tries + 1, PACE_MOST_S,
                                             limits != NULL ? limits->retry_after_s : -1, u);
    f->state = FLIGHT_WAITING;
}

static void refused(struct session *s, struct flight *f, const struct net_failure *failure,
                    const struct net_limits *limits)
{
    struct endpoint *e = &s->r->endpoint;
    enum net_class class = net_cause_class(failure->cause);
    char reason[320];
    if (e->provider->adapt != NULL && !e->dialect_fixed && f->adapted < ADAPTED_MAX &&
        e->provider->adapt(failure, &f->dialect, &e->dialect)) {
        f->adapted++;
        f->due_ns = 0;
        f->state = FLIGHT_WAITING;
        return;
    }
    if (class == NET_RUN_FATAL) {
        f->state = FLIGHT_DONE;
        give_up(s, failure->cause == NET_QUOTA ? ERROR_PARTIAL : ERROR_FAILED, failure->message,
                net_cause_remedy(failure->cause));
        return;
    }
    if (class != NET_ROW_FATAL && f->tries++ < TRIES) {
        try_again(s, f, limits);
        return;
    }
    if (class != NET_ROW_FATAL) {
        f->state = FLIGHT_DONE;
        give_up(s, ERROR_PARTIAL, failure->message, "run the same command later");
        return;
    }
    (void)snprintf(reason, sizeof reason, "failed: %s %s", net_cause_name(failure->cause),
                   failure->message);
    over(s, f, &(struct answer){.reply = SLICE(""), .finish_reason = slice_of(reason)});
}

/* What a stored body says, with what it cost. */
static void answered(struct session *s, struct flight *f)
{
    struct endpoint *e = &s->r->endpoint;
    struct net_reply reply;
    struct net_failure failure = {NET_OK, "", ""};
    struct answer a = {.body = buf_view(&f->x.reply)};
    if (e->provider->reply(a.body, &reply, &failure) != 0) {
        net_reply_free(&reply);
        refused(s, f, &failure, NULL);
        return;
    }
    a.input_tokens = reply.usage.input;
    a.output_tokens = reply.usage.output;
    a.nusd = endpoint_cost(e, &reply.usage);
    a.reply = reply.n_choices != 0 && reply.choices[0].text.data != NULL ? reply.choices[0].text
                                                                         : SLICE("");
    a.finish_reason =
        reply.n_choices != 0 ? reply.choices[0].finish_reason : SLICE("failed: empty");
    s->r->spent_usd += (double)a.nusd / 1e9;
    over(s, f, &a);
    net_reply_free(&reply);
}

static void flown(struct http_exchange *x)
{
    struct flight *f = x->context;
    struct session *s = f->session;
    struct net_failure failure = {x->cause, "", ""};
    struct net_limits limits;
    (void)snprintf(failure.message, sizeof failure.message, "%s", x->message);
    limits_read(buf_view(&x->head), clock_wall_ms(), &limits);
    if (x->cause == NET_OK && (x->status < 200 || x->status > 299))
        s->r->endpoint.provider->failure(x->status, buf_view(&x->reply), &failure);
    (void)http_redirect(x, failure.message, sizeof failure.message);
    pace_done(&s->r->pace, &f->ticket, failure.cause, x->status != 0 ? &limits : NULL, clock_ns());
    if (failure.cause == NET_OK)
        answered(s, f);
    else
        refused(s, f, &failure, &limits);
    http_exchange_clear(x);
}

/* --- sending ------------------------------------------------------------------------------ */

static int write_body(struct session *s, struct flight *f)
{
    const struct subject_how *how = s->r->subject.how;
    struct endpoint *e = &s->r->endpoint;
    struct net_params params = {.model = e->model,
                                .max_tokens = f->question->max_tokens,
                                .temperature = how->temperature,
                                .top_p = (double)NAN,
                                .seed = how->temperature > 0 ? (int64_t)how->seed : -1,
                                .n = 1,
                                .extra = e->extra,
                                .top_logprobs = -1};
    struct buf messages = BUF;
    struct net_request request = {.params = &params};
    int status;
    json_write(f->question->messages, 0, &messages);
    request.messages_json = buf_view(&messages);
    buf_clear(&f->body);
    f->dialect = e->dialect;
    status = e->provider->body(&request, &e->dialect, &f->body, s->error);
    buf_free(&messages);
    return status;
}

static int send_one(struct session *s, struct flight *f, double tokens)
{
    struct endpoint *e = &s->r->endpoint;
    if (write_body(s, f) != 0)
        return -1;
    f->x = (struct http_exchange){.url = e->url,
                                  .headers = &e->headers,
                                  .route = &e->route,
                                  .body = buf_view(&f->body),
                                  .done = flown,
                                  .context = f};
    f->ticket = pace_sent(&s->r->pace, tokens, (double)f->question->max_tokens, clock_ns());
    f->state = FLIGHT_FLYING;
    return http_submit(s->r->http, &f->x, s->error);
}

/* Send what may go now; returns how long to wait at most, in ms, or -1 on failure. */
static int send_some(struct session *s)
{
    int64_t now = clock_ns(), wake = now + 1000000000;
    while (s->first < s->n && s->flights[s->first].state == FLIGHT_DONE)
        s->first++;
    for (size_t i = s->first; i < s->n; i++) {
        struct flight *f = &s->flights[i];
        int64_t wait;
        if (f->state != FLIGHT_WAITING)
            continue;
        if (f->due_ns > now) {
            wake = f->due_ns < wake ? f->due_ns : wake;
            continue;
        }
        wait = pace_wait(&s->r->pace, 256, (double)f->question->max_tokens, now);
        if (wait > 0 && now + wait < wake)
            wake = now + wait;
        if (wait != 0)
            break;
        if (send_one(s, f, 256) != 0)
            return -1;
    }
    return (int)((wake - now) / 1000000) + 1;
}

static bool over_budget(const struct session *s)
{
    double limit = s->r->subject.how->budget_usd;
    return !isnan(limit) && s->r->spent_usd >= limit;
}

static int fly(struct session *s)
{
    unsigned watched;
    while (s->done < s->n && !s->failed) {
        int wait;
        if (signals_draining())
            return error_set(s->error, ERROR_INTERRUPTED,
                             "stopped; answers so far are stored, run the same command to go on");
        if (over_budget(s))
            return error_set(s->error, ERROR_PARTIAL,
                             "eval.budget_usd is reached ($%.4f spent on %s); raise it and run the "
                             "same command again",
                             s->r->spent_usd, s->r->subject.name);
        wait = send_some(s);
        if (wait < 0 || http_poll(s->r->http, wait < 200 ? wait : 200, &watched, s->error) != 0)
            return -1;
    }
    return s->failed ? -1 : 0;
}

static int remote_ask(struct subject *subject, const struct question *q, size_t n,
                      subject_heard *heard, void *context, struct error *error)
{
    struct session s = {
        .r = (struct remote *)subject, .n = n, .heard = heard, .context = context, .error = error};
    int status;
    s.flights = mem_zero(n + 1, sizeof *s.flights);
    for (size_t i = 0; i < n; i++) {
        s.flights[i].session = &s;
        s.flights[i].question = &q[i];
        s.flights[i].body = BUF;
    }
    status = fly(&s);
    for (size_t i = 0; i < n; i++) {
        if (s.flights[i].state == FLIGHT_FLYING)
            http_cancel(s.r->http, &s.flights[i].x, NET_RESET);
        http_exchange_clear(&s.flights[i].x);
        buf_free(&s.flights[i].body);
    }
    mem_free(s.flights);
    return status;
}

/* --- opening ------------------------------------------------------------------------------ */

static void remote_close(struct subject *subject)
{
    struct remote *r = (struct remote *)subject;
    if (r->http != NULL)
        http_close(r->http);
    endpoint_close(&r->endpoint);
    mem_free(r);
}

static const struct subject_ops ops = {.kind = "endpoint",
                                       .ask = remote_ask,
                                       .close = remote_close};

struct subject *subject_endpoint(const struct json *teacher, const struct subject_how *how,
                                 struct error *error)
{
    struct remote *r = mem_zero(1, sizeof *r);
    struct http_options options = {.connect_ms = 15000,
                                   .first_byte_ms = 300000,
                                   .idle_ms = 60000,
                                   .total_ms = 600000,
                                   .max_body = REPLY_MAX,
                                   .max_headers = 1 << 16};
    r->subject.ops = &ops;
    if (endpoint_open(&r->endpoint, teacher, how->recipe_folder, error) != 0) {
        mem_free(r);
        return NULL;
    }
    options.max_in_flight = r->endpoint.limits.in_flight;
    r->http = http_open(&options, error);
    if (r->http == NULL) {
        remote_close(&r->subject);
        return NULL;
    }
    pace_init(&r->pace, &r->endpoint.limits, clock_ns());
    r->subject.identity = hash128(r->endpoint.name, strlen(r->endpoint.name));
    r->subject.identity =
        hash128_add(r->subject.identity, r->endpoint.model, strlen(r->endpoint.model));
    return &r->subject;
}
