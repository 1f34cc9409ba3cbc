#include "filter/stash.h"

#include "corpus/judging.h"

#include <stdio.h>
#include <string.h>

struct each {
    stash_fn *fn;
    void *context;
};

static int each_block(void *context, const struct signature_block *b, struct error *error)
{
    const struct each *e = context;
    const size_t n = b->rows > 0 && b->rows <= STASH_ROWS ? (size_t)b->rows : 0;
    const char *p = b->data;
    size_t at = n * (sizeof(int64_t) + sizeof(uint32_t));
    if (n == 0 || b->len < at)
        return error_set(error, ERROR_INPUT,
                         "stored signatures are damaged; run the filter with --again");
    for (size_t i = 0; i < n; i++) {
        int64_t id;
        uint32_t len;
        memcpy(&id, p + i * sizeof id, sizeof id);
        memcpy(&len, p + n * sizeof id + i * sizeof len, sizeof len);
        if (len > b->len - at)
            return error_set(error, ERROR_INPUT,
                             "stored signatures are damaged; run the filter with --again");
        if (e->fn(e->context, id, slice_from(p + at, len), error) != 0)
            return -1;
        at += len;
    }
    return 0;
}

int stash_each(struct corpus *c, const char *kind, stash_fn *fn, void *context, struct error *error)
{
    struct each e = {fn, context};
    return signatures_each(c, kind, each_block, &e, error);
}

void stash_open(struct stash *s, struct corpus *c, const char *kind)
{
    *s = (struct stash){.corpus = c, .ids = BUF, .lengths = BUF, .data = BUF};
    (void)snprintf(s->kind, sizeof s->kind, "%s", kind);
}

int stash_add(struct stash *s, int64_t id, const void *data, size_t len, struct error *error)
{
    const uint32_t length = (uint32_t)len;
    if (s->corpus == NULL)
        return 0;
    s->first = s->n == 0 ? id : s->first;
    s->last = id;
    s->n++;
    buf_add(&s->ids, &id, sizeof id);
    buf_add(&s->lengths, &length, sizeof length);
    buf_add(&s->data, data, len);
    return s->n == STASH_ROWS || s->data.len >= STASH_BYTES ? stash_flush(s, error) : 0;
}

int stash_flush(struct stash *s, struct error *error)
{
    if (s->n == 0)
        return 0;
    buf_slice(&s->ids, buf_view(&s->lengths));
    buf_slice(&s->ids, buf_view(&s->data));
    const struct signature_block block = {.first = s->first,
                                          .last = s->last,
                                          .rows = (int64_t)s->n,
                                          .data = s->ids.data,
                                          .len = s->ids.len};
    const int rc = signatures_put(s->corpus, s->kind, &block, error);
    buf_clear(&s->ids);
    buf_clear(&s->lengths);
    buf_clear(&s->data);
    s->n = 0;
    return rc;
}

void stash_close(struct stash *s)
{
    buf_free(&s->ids);
    buf_free(&s->lengths);
    buf_free(&s->data);
}

int stash_prune(struct corpus *c, const char *kind, struct error *error)
{
    return signatures_prune(c, kind, error);
}
