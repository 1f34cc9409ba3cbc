/*
 * One page over HTTP, made anew when it is asked for: `retort report --live`.
 *
 * GET / answers with what `make` writes; everything else with 404 or 405.  A page that cannot be made is
 * a 500 with the reason as text, and the next request tries again.  Stops on the first signal
 * (core/signals.h).
 */
#ifndef SERVE_PAGE_H
#define SERVE_PAGE_H

#include "core/buf.h"
#include "core/error.h"

struct page_options {
    const char *address; /* NULL: 127.0.0.1 */
    int port;            /* 0: any free one */
    /* Called on the server's thread, one at a time. */
    int (*make)(void *context, struct buf *page, struct error *error);
    void *context;
    void (*ready)(void *context, int port); /* it listens */
    void *ready_context;
};

/* Serve until a signal.  0 after a clean end. */
int page_serve(const struct page_options *options, struct error *error);

#endif
