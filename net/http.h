/*
 * HTTP, many requests at a time on one thread, by libcurl.
 *
 *   - HTTP/1.1 keep-alive, HTTP/2 over TLS where offered;
 *   - TLS always verified (a CA file may be named), the proxy's too; proxy by option or environment;
 *     headers of a request never go to the proxy of an https address, which gets a CONNECT only;
 *   - redirects are not followed: a 3xx is handed back, so that no key ever leaves its host;
 *   - four deadlines: connect, first byte, idle, total; a body has a maximum;
 *   - no signal is raised, nothing is printed.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "core/buf.h"
#include "core/error.h"
#include "core/slice.h"
#include "net/cause.h"
#include "net/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;

/* Which way to a server. */
struct http_route {
    const char *ca_file;    /* NULL: the system's */
    const char *proxy;      /* NULL: environment (https_proxy, no_proxy); "": none */
    const char *proxy_user; /* "user:password"; NULL: none */
};

struct http_options {
    int max_in_flight; /* at most; file descriptors are raised to fit or it fails */
    int64_t connect_ms, first_byte_ms, idle_ms, total_ms; /* 0: none */
    size_t max_body;                                      /* of a reply */
    size_t max_headers;
};

/* A request on its way, and then its result.  The caller owns it and keeps it alive, with url,
 * headers and body, from http_submit until `done` ran. */
struct http_exchange {
    /* asked */
    const char *method; /* NULL: POST when there is a body, else GET */
    const char *url;
    const struct net_headers *headers;
    const struct http_route *route;  /* alive as the headers are; NULL: the usual one */
    struct slice body;               /* absent: none */
    const struct http_form *form;    /* multipart/form-data instead of body; NULL: none */
    const char *body_file;           /* or the bytes of a file, sent as they are read; NULL: none */
    int64_t total_ms, first_byte_ms; /* 0: as the options say; < 0: no such deadline */
    /* Takes the body of a 2xx as it comes, instead of `reply`; false: give up.  NULL: none. */
    bool (*sink)(struct http_exchange *x, const char *data, size_t len);
    void (*done)(struct http_exchange *x);
    void *context;
    /* heard */
    enum net_cause cause; /* NET_OK: a whole reply of any status came */
    int status;           /* 0: none came */
    struct buf head;      /* header lines as they came, without the status line */
    struct buf reply;     /* body; on a torn or oversize reply what came of it */
    bool sent;            /* the request may have reached the server: it may be billed */
    int64_t started_ns, connected_ns, first_byte_ns, ended_ns;
    char message[160];              /* what went wrong on the wire; "" for nothing */
    struct http_transfer *transfer; /* ours */
};

/* multipart/form-data: NULL-name ended. */
struct http_form {
    const char *name;
    const char *filename; /* NULL: a plain field */
    struct slice data;
    const char *file; /* of one part: its data are the bytes of this file, read as they go out */
};

struct http *http_open(const struct http_options *o, struct error *error);
void http_close(struct http *h); /* whatever is in flight ends as NET_RESET, `done` not called */

/* Take the request.  0, or -1 where it could not even start (then `done` is not called). */
int http_submit(struct http *h, struct http_exchange *x, struct error *error);
/* Give up on one: it ends as `cause`, `done` not called. */
void http_cancel(struct http *h, struct http_exchange *x, enum net_cause cause);

/* Wait at most wait_ms (0: just look; < 0: until something happens) and call `done` of what ended.
 * Returns early when a watched descriptor is readable: bit i of *watched says which. */
int http_poll(struct http *h, int wait_ms, unsigned *watched, struct error *error);
int http_watch(struct http *h, int fd,
               struct error *error); /* the bit's number, at most 8; or -1 */

/* A 3xx says where it leads to: put that into `out` as a sentence.  false: it is none. */
bool http_redirect(const struct http_exchange *x, char *out, size_t size);
/* Free what an exchange heard, for reuse. */
void http_exchange_clear(struct http_exchange *x);
/* "libcurl/7.88.1 OpenSSL/3.0 nghttp2/1.52" for doctor. */
const char *http_version(void);

#endif
