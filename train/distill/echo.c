#include "train/distill/echo.h"

#include "core/mem.h"
#include "core/signals.h"
#include "net/endpoint.h"
#include "train/distill/align.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TRIES = 5, BODY_MAX = 1 << 26 };

struct echo {
    struct endpoint endpoint;
    struct http *http;
    struct vocabulary *vocabulary;
};

/* One row on its way. */
struct flight {
    struct http_exchange x;
    struct buf body;
    struct net_reply reply;
    struct net_failure failure;
    bool over, good;
    int tries;
    struct echo *echo;
};

struct echo *echo_open(const struct json *teacher, const char *folder, const struct tokenizer *t,
                       struct error *error)
{
    struct http_options options = {.connect_ms = 15000,
                                   .first_byte_ms = 300000,
                                   .idle_ms = 60000,
                                   .total_ms = 600000,
                                   .max_body = BODY_MAX,
                                   .max_headers = 1 << 16};
    struct echo *e = mem_zero(1, sizeof *e);
    if (endpoint_open(&e->endpoint, teacher, folder, error) != 0) {
        mem_free(e);
        return NULL;
    }
    if ((e->endpoint.provider->features & NET_RAW_PROMPT) == 0) {
        error_set(error, ERROR_USAGE,
                  "train.distill.teacher is \"endpoint\", and teacher.provider %s cannot score a "
                  "given text; set it to openai-completions",
                  e->endpoint.provider->name);
        echo_close(e);
        return NULL;
    }
    options.max_in_flight = e->endpoint.limits.in_flight;
    e->http = http_open(&options, error);
    e->vocabulary = vocabulary_new(t);
    if (e->http == NULL) {
        echo_close(e);
        return NULL;
    }
    return e;
}

void echo_close(struct echo *e)
{
    if (e == NULL)
        return;
    if (e->http != NULL)
        http_close(e->http);
    endpoint_close(&e->endpoint);
    vocabulary_free(e->vocabulary);
    mem_free(e);
}

struct hash128 echo_identity(const struct echo *e)
{
    const struct hash128 h = hash128(e->endpoint.name, strlen(e->endpoint.name));
    return hash128_add(h, e->endpoint.model, strlen(e->endpoint.model));
}

/* --- asking ---------------------------------------------------------------------------------- */

static int write_body(struct flight *f, const struct echo_rows *rows, size_t i, struct error *error)
{
    const struct endpoint *e = &f->echo->endpoint;
    const struct example *x = &rows->examples->items[rows->which[i]];
    const struct net_params params = {.model = e->model,
                                      .max_tokens = 0,
                                      .temperature = 0,
                                      .top_p = (double)NAN,
                                      .seed = -1,
                                      .n = 1,
                                      .extra = e->extra,
                                      .top_logprobs = rows->k,
                                      .echo = true};
    const struct net_request q = {.tokens = rows->examples->ids + x->first,
                                  .n_tokens = x->length,
                                  .params = &params};
    f->body = BUF_MAX(BODY_MAX);
    return e->provider->body(&q, &e->dialect, &f->body, error);
}

static void flown(struct http_exchange *x)
{
    struct flight *f = x->context;
    const struct net_provider *p = f->echo->endpoint.provider;
    f->over = true;
    f->failure = (struct net_failure){.cause = x->cause};
    (void)snprintf(f->failure.message, sizeof f->failure.message, "%s", x->message);
    if (x->cause != NET_OK)
        return;
    if (x->status < 200 || x->status > 299)
        p->failure(x->status, buf_view(&x->reply), &f->failure);
    else
        f->good = p->reply(buf_view(&x->reply), &f->reply, &f->failure) == 0;
}

static int send(struct flight *f, struct error *error)
{
    const struct endpoint *e = &f->echo->endpoint;
    http_exchange_clear(&f->x);
    f->x = (struct http_exchange){.url = e->url,
                                  .headers = &e->headers,
                                  .route = &e->route,
                                  .body = buf_view(&f->body),
                                  .done = flown,
                                  .context = f};
    f->over = f->good = false;
    f->tries++;
    return http_submit(f->echo->http, &f->x, error);
}

/* Wait until all are over; those that may be tried again are. */
static int fly(struct echo *e, struct flight *f, size_t n, struct error *error)
{
    const size_t most = (size_t)e->endpoint.limits.in_flight;
    size_t sent = 0, done = 0;
    while (done < n) {
        unsigned watched;
        if (signals_draining())
            return error_set(error, ERROR_INTERRUPTED, "stopped");
        for (; sent < n && sent - done < most; sent++)
            if (send(&f[sent], error) != 0)
                return -1;
        if (http_poll(e->http, 200, &watched, error) != 0)
            return -1;
        done = 0;
        for (size_t i = 0; i < sent; i++) {
            if (f[i].over && !f[i].good) {
                const enum net_class class = net_cause_class(f[i].failure.cause);
                if (class == NET_RUN_FATAL || class == NET_ROW_FATAL || f[i].tries >= TRIES)
                    return error_set(error, ERROR_FAILED, "%s: %s (%s)", e->endpoint.label,
                                     f[i].failure.message, net_cause_name(f[i].failure.cause));
                if (send(&f[i], error) != 0)
                    return -1;
            }
            done += f[i].over && f[i].good;
        }
    }
    return 0;
}

/* --- labels ---------------------------------------------------------------------------------- */

static struct soft_token soft_of(const struct net_token *t)
{
    return (struct soft_token){t->bytes, t->id, t->logprob};
}

static int take(struct echo *e, const struct flight *f, const struct examples *examples,
                uint32_t example, struct labels *out, struct error *error)
{
    const struct example *x = &examples->items[example];
    const struct net_logprobs *l = f->reply.n_choices != 0 ? &f->reply.choices[0].logprobs : NULL;
    struct softlabels soft;
    if (l == NULL || l->n < x->length)
        return error_set(error, ERROR_FAILED,
                         "%s: the server scored %zu of %u tokens; does it offer echo with logprobs "
                         "for token ids?",
                         e->endpoint.label, l != NULL ? l->n : 0, x->length);
    soft = (struct softlabels){.n = l->n, .n_top = l->n_top};
    soft.positions = mem_zero(l->n + 1, sizeof *soft.positions);
    soft.top = mem_zero(l->n_top + 1, sizeof *soft.top);
    for (size_t i = 0; i < l->n; i++)
        soft.positions[i] = (struct soft_position){soft_of(&l->positions[i].sampled),
                                                   l->positions[i].first, l->positions[i].count};
    for (size_t i = 0; i < l->n_top; i++)
        soft.top[i] = soft_of(&l->top[i]);
    for (uint32_t i = 1; i < x->length; i++)
        if (examples->mask[x->first + i])
            align_position(e->vocabulary, &soft, i, out);
    mem_free(soft.positions);
    mem_free(soft.top);
    return 0;
}

int echo_label(struct echo *e, const struct echo_rows *rows, struct labels *out,
               struct error *error)
{
    struct flight *f = mem_zero(rows->n + 1, sizeof *f);
    int status = 0;
    for (size_t i = 0; i < rows->n && status == 0; i++) {
        f[i].echo = e;
        status = write_body(&f[i], rows, i, error);
    }
    if (status == 0)
        status = fly(e, f, rows->n, error);
    for (size_t i = 0; i < rows->n && status == 0; i++)
        status = take(e, &f[i], rows->examples, rows->which[i], out, error);
    for (size_t i = 0; i < rows->n; i++) {
        if (f[i].tries > 0 && !f[i].over)
            http_cancel(e->http, &f[i].x, NET_RESET);
        http_exchange_clear(&f[i].x);
        net_reply_free(&f[i].reply);
        buf_free(&f[i].body);
    }
    mem_free(f);
    return status == 0 ? 0 : error_wrap(error, "the teacher's scores");
}
