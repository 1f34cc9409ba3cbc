/* Whatever a server says of a batch: its numbers fit into addresses, its lines lie within the text. */
#include "net/batches.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_id(const char *id)
{
    for (const char *p = id; *p; p++)
        if (strchr("/?#%@: \n", *p))
            abort();
}

static void one(void *context, const struct net_batch *b)
{
    (void)context;
    check_id(b->id);
    for (int k = 0; k < BATCHES_FILES; k++)
        check_id(b->file[k]);
}

static void refused(void *context, int64_t line, enum net_cause c, struct slice message)
{
    (void)context, (void)line, (void)message;
    if (c == NET_OK)
        abort();
}

static void within(struct slice part, struct slice text)
{
    if (part.data && (part.data < text.data || part.data + part.len > text.data + text.len))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct net_batches *const all[] = {&batches_openai, &batches_anthropic};
    struct slice text = slice_from(data, size);
    for (int i = 0; i < 2; i++) {
        struct net_batch b;
        struct net_batch_line l;
        struct net_failure f;
        char next[BATCHES_ID];
        if (all[i]->read(text, &b, &f) == 0)
            one(NULL, &b);
        if (all[i]->list(text, one, NULL, next, &f) >= 0)
            check_id(next);
        if (all[i]->answer(text, &l, &f) == 0) {
            within(l.key, text);
            within(l.body, text);
            within(l.request_id, text);
            if (!l.status && l.cause == NET_OK)
                abort();
        }
        if (all[i]->refused)
            all[i]->refused(text, refused, NULL);
    }
    return 0;
}
