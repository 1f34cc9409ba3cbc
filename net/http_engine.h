/*
 * Between net/http.c, which owns the loop, the deadlines and the list of what is under way, and
 * http_curl.c, which has libcurl move the bytes.  Nobody else includes it.
 */
#ifndef NET_HTTP_ENGINE_H
#define NET_HTTP_ENGINE_H

#include "net/http.h"
#include "net/poller.h"

/* The tags of the poller: the number of a shard of libcurl's, or a descriptor that somebody else
 * watches. */
enum { ENGINE_WATCHED = 1 << 30 };

/* One exchange under way; the first member of what the engine keeps for it. */
struct http_transfer {
    struct http_exchange *x; /* NULL: none at the moment */
    size_t place;            /* the loop's, in its list */
    int64_t heard_ns;        /* when its connection last did something */
};

struct http_loop {
    struct http_options o;
    struct poller *poller;
    int64_t now_ns;
    struct error *error; /* of the poll in progress */
    bool failed;
    /* The exchange is over, x->status and x->message are set: calls http_curl_detach, then the
     * exchange's own `done`. */
    void (*ended)(struct http_loop *l, struct http_transfer *t, enum net_cause cause);
};

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
