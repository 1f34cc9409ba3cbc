/* Replies of tests/net/replies: read whole, and damaged at every byte. */
#ifndef TESTS_NET_REPLIES_H
#define TESTS_NET_REPLIES_H

#include "core/file.h"
#include "core/mem.h"
#include "net/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline struct buf reply_file(const char *name)
{
    char path[128];
    struct buf b = BUF_MAX(1 << 20);
    struct error error = {0};
    snprintf(path, sizeof path, "tests/net/replies/%s", name);
    if (file_read(path, &b, &error)) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    return b;
}

/* Cut short, and changed, at every byte, in memory of exactly that size: an answer, or a failure
 * that says why; never a crash.  The number of failures. */
static inline size_t reply_damage(const struct net_provider *p, struct slice text)
{
    size_t failures = 0;
    for (size_t i = 0; i < 2 * text.len; i++) {
        size_t len = i < text.len ? i : text.len;
        char *copy = mem_alloc(len + !len);
        struct net_reply r;
        struct net_failure f = {NET_OK, "", ""};
        memcpy(copy, text.data, len);
        if (i >= text.len)
            copy[i - text.len] = (char)(copy[i - text.len] ^ 0x15);
        if (p->reply(slice_from(copy, len), &r, &f)) {
            if (f.cause == NET_OK || !f.message[0])
                abort();
            failures++;
        }
        net_reply_free(&r);
        mem_free(copy);
    }
    return failures;
}

#endif
