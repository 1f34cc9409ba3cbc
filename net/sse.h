/*
 * Server-sent events, read as they arrive.
 *
 * The bytes of a body go in piece by piece, cut anywhere; out come the data of each event, its
 * lines joined by newlines.  Comments, event names, ids and retry times are passed over, CR, LF
 * and CRLF end lines (WHATWG HTML, 9.2.6).
 */
#ifndef NET_SSE_H
#define NET_SSE_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdbool.h>

struct sse {
    struct buf line, data;
    bool any;      /* a data line came since the last event */
    bool after_cr; /* a following LF belongs to it */
    bool full;     /* an event was longer than the maximum: nothing more is handed out */
};
#define SSE_MAX(limit) ((struct sse){.line = BUF_MAX(limit), .data = BUF_MAX(limit)})

/* fn is told the data of each event that is complete; false: hand out no more of this piece. */
typedef bool sse_fn(void *context, struct slice data);
void sse_add(struct sse *s, struct slice bytes, sse_fn *fn, void *context);
void sse_free(struct sse *s);

#endif
