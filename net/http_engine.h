/*
 * Between net/http.c, which owns the loop, the deadlines and the list of what is under way, and the
 * two engines that move bytes:
 *   http_plain.c   POST by HTTP/1.1 to an address or localhost, without TLS and proxy: a server of
 *                  one's own, asked at a third of the cost;
 *   http_curl.c    everything else: TLS, HTTP/2, proxies, names, forms, files.
 * Nobody else includes it.
 */
#ifndef NET_HTTP_ENGINE_H
#define NET_HTTP_ENGINE_H

#include "net/http.h"
#include "net/poller.h"

/* The tags of the poller: a shard of libcurl's, a connection of the plain engine, or a descriptor
 * that somebody else watches. */
enum { ENGINE_PLAIN = 1 << 29, ENGINE_WATCHED = 1 << 30 };

/* One exchange under way; the first member of what an engine keeps for it. */
struct http_transfer {
    struct http_exchange *x; /* NULL: none at the moment */
    size_t place;            /* the loop's, in its list */
    int64_t heard_ns;        /* when its connection last did something */
    bool plain;              /* whose it is */
};

struct http_loop {
    struct http_options o;
    struct poller *poller;
    int64_t now_ns;
    struct error *error; /* of the poll in progress */
    bool failed;
    /* The exchange is over, x->status and x->message are set: calls the engine's _detach, then the
     * exchange's own `done`. */
    void (*ended)(struct http_loop *l, struct http_transfer *t, enum net_cause cause);
};

struct http_plain;
struct http_plain *http_plain_new(struct http_loop *l);
void http_plain_free(struct http_plain *p); /* nothing is under way */
/* NULL: this exchange is none for it. */
struct http_transfer *http_plain_submit(struct http_plain *p, struct http_exchange *x);
void http_plain_ready(struct http_plain *p, const struct poller_event *e);
/* Exchanges that no address took end in _refused, not inside of _submit. */
bool http_plain_pending(const struct http_plain *p);
void http_plain_refused(struct http_plain *p);
void http_plain_detach(struct http_plain *p, struct http_transfer *t);
int http_plain_status(const struct http_transfer *t); /* 0: none came yet */

struct http_curl;
struct http_curl *http_curl_new(struct http_loop *l, struct error *error);
void http_curl_free(struct http_curl *c);
struct http_transfer *http_curl_submit(struct http_curl *c, struct http_exchange *x,
                                       struct error *error);
void http_curl_ready(struct http_curl *c, const struct poller_event *e);
void http_curl_timers(struct http_curl *c);
int64_t http_curl_until(const struct http_curl *c); /* when it wants http_curl_timers, in ns */
void http_curl_detach(struct http_curl *c, struct http_transfer *t);
int http_curl_status(const struct http_transfer *t);
const char *http_curl_version(void);

#endif
