/* The loop: what is under way and its deadlines; http_curl.c moves the bytes. */
#include "net/http.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/vec.h"
#include "net/exchange.h"
#include "net/http_engine.h"

#include <string.h>

enum { SWEEP_MS = 50, MAX_WATCHED = 8, EVENTS = 256 };

struct http {
    struct http_loop loop; /* the first member: the engine calls back with it */
    struct http_curl *curl;
    struct http_transfer **active;
    size_t n_active, cap_active;
    int n_watched;
    int64_t sweep_ns;
};

/* ---- exchanges ------------------------------------------------------------------------------- */

static void detach(struct http *h, struct http_transfer *t)
{
    struct http_transfer *last = h->active[--h->n_active];
    struct http_exchange *x = t->x;
    h->active[t->place] = last;
    last->place = t->place;
    http_curl_detach(h->curl, t);
    x->transfer = NULL;
    x->ended_ns = clock_ns();
}

static void ended(struct http_loop *l, struct http_transfer *t, enum net_cause cause)
{
    struct http *h = (struct http *)l;
    struct http_exchange *x = t->x;
    x->cause = cause;
    detach(h, t);
    x->done(x);
}

int http_submit(struct http *h, struct http_exchange *x, struct error *error)
{
    if (h->n_active >= (size_t)h->loop.o.max_in_flight)
        return error_set(error, ERROR_LIMIT, "more than %d requests in flight",
                         h->loop.o.max_in_flight);
    http_exchange_clear(x);
    x->reply.max = h->loop.o.max_body;
    x->head.max = h->loop.o.max_headers;
    x->started_ns = clock_ns();
    struct http_transfer *t = http_curl_submit(h->curl, x, error);
    x->transfer = t;
    if (!t)
        return -1;
    h->active = vec_reserve(h->active, &h->cap_active, h->n_active + 1, sizeof(void *));
    t->place = h->n_active;
    h->active[h->n_active++] = t;
    return 0;
}

void http_cancel(struct http *h, struct http_exchange *x, enum net_cause cause)
{
    if (!x->transfer)
        return;
    x->cause = cause;
    detach(h, x->transfer);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static void sweep(struct http *h)
{
    struct http_loop *l = &h->loop;
    if (l->now_ns < h->sweep_ns)
        return;
    h->sweep_ns = l->now_ns + SWEEP_MS * 1000000LL;
    for (size_t i = 0; i < h->n_active;) {
        struct http_transfer *t = h->active[i];
        enum net_cause cause = exchange_overdue(&l->o, t->x, t->heard_ns, l->now_ns);
        if (cause == NET_OK) {
            i++;
            continue;
        }
        t->x->status = http_curl_status(t);
        t->x->message[0] = '\0';
        strncat(t->x->message, "given up by the client's deadline", sizeof t->x->message - 1);
        ended(l, t, cause); /* another one stands at place i now */
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

static int wait_ms(const struct http *h, int wait)
{
    int64_t now = h->loop.now_ns, until = http_curl_until(h->curl);
    if (h->n_active && h->sweep_ns < until)
        until = h->sweep_ns;
    if (until == INT64_MAX)
        return wait;
    int64_t ms = until <= now ? 0 : (until - now + 999999) / 1000000;
    return wait >= 0 && ms > wait ? wait : (int)ms;
}

int http_poll(struct http *h, int wait, unsigned *watched, struct error *error)
{
    struct poller_event events[EVENTS];
    struct http_loop *l = &h->loop;
    *watched = 0;
    l->error = error;
    l->now_ns = clock_ns();
    http_curl_timers(h->curl);
    int n = poller_wait(l->poller, events, EVENTS, wait_ms(h, wait), error);
    l->now_ns = clock_ns();
    for (int i = 0; i < n; i++) {
        if (events[i].tag & ENGINE_WATCHED)
            *watched |= 1u << (events[i].tag & (MAX_WATCHED - 1));
        else
            http_curl_ready(h->curl, &events[i]);
    }
    sweep(h);
    l->error = NULL;
    if (n >= 0 && l->failed && error && !error->code)
        error_set(error, ERROR_FAILED, "a connection could not be watched");
    return n < 0 || l->failed ? -1 : 0;
}

int http_watch(struct http *h, int fd, struct error *error)
{
    if (h->n_watched == MAX_WATCHED)
        return error_set(error, ERROR_LIMIT, "too many watched descriptors");
    if (poller_set(h->loop.poller, fd, (uint32_t)(ENGINE_WATCHED | h->n_watched), POLLER_IN, error))
        return -1;
    return h->n_watched++;
}

/* ---- making and ending ----------------------------------------------------------------------- */

struct http *http_open(const struct http_options *o, struct error *error)
{
    struct http *h = mem_zero(1, sizeof *h);
    h->loop.o = *o;
    h->loop.ended = ended;
    h->curl = http_curl_new(&h->loop, error);
    if (h->curl && !poller_room(o->max_in_flight, error))
        h->loop.poller = poller_new(error);
    if (h->loop.poller)
        return h;
    http_close(h);
    return NULL;
}

void http_close(struct http *h)
{
    if (!h)
        return;
    while (h->n_active)
        http_cancel(h, h->active[0]->x, NET_RESET);
    http_curl_free(h->curl);
    poller_free(h->loop.poller);
    mem_free(h->active);
    mem_free(h);
}

const char *http_version(void)
{
    return http_curl_version();
}
