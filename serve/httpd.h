/*
 * A small HTTP server over libmicrohttpd: whole requests in, replies or streams out, from any
 * thread, now or later.
 *
 * The handler is called once for each request whose body has arrived, on the server's own thread.
 * It answers at once with httpd_reply, or keeps the request (httpd_hold), lets another thread
 * answer, and that thread lets go of it (httpd_release).  Every request must be answered.
 *
 *     arrived ──handler──► waiting ──httpd_reply──► answered
 *                             └─httpd_stream──► streaming ──httpd_end──► answered
 *     at any point the client may go away: httpd_gone is true, what is written is dropped.
 */
#ifndef SERVE_HTTPD_H
#define SERVE_HTTPD_H

#include "core/error.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct httpd;
struct httpd_request;

struct httpd_options {
    const char *address;  /* "127.0.0.1", "::1", "0.0.0.0" … */
    int port;             /* 0: any free one */
    size_t max_body;      /* bytes; more is answered with 413 */
    unsigned connections; /* at once; more are closed */
    unsigned idle_s;      /* a silent connection is closed */
    void (*handle)(void *context, struct httpd_request *r);
    void *context;
};

struct httpd *httpd_start(const struct httpd_options *options, struct error *error);
int httpd_port(const struct httpd *h);
/* No new connections or requests (503); what has arrived goes on, then its connection closes. */
void httpd_quiesce(struct httpd *h);
/* Requests that have arrived and are not yet answered in full. */
unsigned httpd_open(struct httpd *h);
/* Stop: what is still open is answered with 503 or ended; who does not take that within a second is
 * cut. */
void httpd_stop(struct httpd *h);

const char *httpd_method(const struct httpd_request *r); /* "GET" (and HEAD), "POST", "OTHER" */
const char *httpd_path(const struct httpd_request *r);   /* without the query */
const char *httpd_header(const struct httpd_request *r, const char *name); /* NULL: none */
struct slice httpd_body(const struct httpd_request *r);                    /* NUL-terminated */
bool httpd_too_large(const struct httpd_request *r); /* the body was cut at the maximum */

void httpd_hold(struct httpd_request *r);
void httpd_release(struct httpd_request *r);

/* The whole reply; the body is copied. */
void httpd_reply(struct httpd_request *r, int status, const char *type, struct slice body);
/* A reply in pieces.  Pieces added before the stream is opened go out first; httpd_reply instead of
 * httpd_stream drops them. */
void httpd_stream(struct httpd_request *r, int status, const char *type);
void httpd_add(struct httpd_request *r, struct slice piece);
void httpd_end(struct httpd_request *r);
/* The client has hung up, or closed its side: nobody reads the answer. */
bool httpd_gone(struct httpd_request *r);

#endif
