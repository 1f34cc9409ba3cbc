/* The reply side of HTTP/1.1: any bytes, cut anywhere, end in one of its states; what comes of them does
 * not depend on where they were cut. */
#include "net/http1.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct http1 parser;
    struct buf head, body;
    size_t used;
};

static bool on_body(void *user, const char *data, size_t len)
{
    return !buf_add(user, data, len);
}

static void hear(struct heard *h, const char *data, size_t size, size_t step)
{
    memset(h, 0, sizeof *h);
    h->head = BUF_MAX(4096);
    h->body = BUF;
    h->parser.head = &h->head;
    h->parser.body = on_body;
    h->parser.user = &h->body;
    http1_begin(&h->parser);
    for (size_t at = 0, n; at < size; at += n) {
        n = size - at < step ? size - at : step;
        size_t used = http1_feed(&h->parser, data + at, n);
        h->used += used;
        if (used > n)
            abort();
        if (used < n)
            break;
    }
}

static void forget(struct heard *h)
{
    http1_free(&h->parser);
    buf_free(&h->head);
    buf_free(&h->body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heard whole, pieces;
    size_t step = size ? data[0] % 7 + 1 : 1;
    if (size > 60000)
        return 0;
    hear(&whole, (const char *)data, size, size ? size : 1);
    hear(&pieces, (const char *)data, size, step);
    if (whole.parser.state != pieces.parser.state || whole.parser.status != pieces.parser.status ||
        whole.body.len != pieces.body.len || whole.used != pieces.used ||
        (whole.body.len && memcmp(whole.body.data, pieces.body.data, whole.body.len)))
        abort();
    (void)http1_end(&whole.parser);
    forget(&whole);
    forget(&pieces);
    return 0;
}
