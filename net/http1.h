/*
 * The reply side of HTTP/1.1 (RFC 9112), fed piece by piece as bytes come.
 *
 * What frames a body: no body for 204 and 304; chunked where Transfer-Encoding says so; else
 * Content-Length; else the end of the connection.  Replies of status 1xx are passed over.  A line
 * has a maximum, and so has a head; anything that is no HTTP/1.x, or says two lengths, is refused.
 */
#ifndef NET_HTTP1_H
#define NET_HTTP1_H

#include "core/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http1_state {
    HTTP1_STATUS, /* waits for the status line */
    HTTP1_HEADER,
    HTTP1_LENGTH,   /* in a body of known length */
    HTTP1_ALL,      /* in a body that ends with the connection */
    HTTP1_SIZE,     /* waits for the size of a chunk */
    HTTP1_CHUNK,    /* in a chunk */
    HTTP1_CHUNKEND, /* behind a chunk */
    HTTP1_TRAILER,
    HTTP1_DONE,
    HTTP1_BAD, /* `why` says what is wrong */
};

struct http1 {
    enum http1_state state;
    int status;        /* of the reply; 0: no status line came */
    bool keep;         /* the connection can be used again once it is done */
    bool chunked;      /* so far by its headers */
    int64_t length;    /* by its headers; -1: not said */
    uint64_t left;     /* of a body or chunk */
    size_t head_bytes; /* seen so far, of all heads */
    const char *why;
    struct buf line; /* of a line that is not whole yet */
    bool line_used;
    /* the caller's */
    struct buf *head; /* header lines as they came, without the status line; cut at its maximum */
    /* Takes a piece of the body; false: stop reading (http1_feed returns at once). */
    bool (*body)(void *user, const char *data, size_t len);
    void *user;
};

/* Ready for a new reply; `head`, `body` and `user` stay as they are. */
void http1_begin(struct http1 *p);
/* Take bytes in.  Returns how many belong to the reply: fewer than len when it is done or bad. */
size_t http1_feed(struct http1 *p, const char *data, size_t len);
/* The connection ended: true when the reply is whole with that (its state is HTTP1_DONE then). */
bool http1_end(struct http1 *p);
void http1_free(struct http1 *p);

#endif
