#include "filter/signatures.h"

#include "core/buf.h"
#include "core/mem.h"
#include "corpus/judging.h"

#include <string.h>

struct stored {
    int64_t id;
    struct hash128 exact;
    uint64_t prompt, content, skeleton;
    uint32_t length, flags;
};

enum { MAX_BLOCK = 1 << 20 };

struct loading {
    struct index *x;
    const char *spill_dir;
};

static int damaged(struct error *error)
{
    return error_set(error, ERROR_INPUT,
                     "stored signatures are damaged; run the filter with --again");
}

static int load_block(void *context, const struct signature_block *b, struct error *error)
{
    struct loading *l = context;
    const size_t n = (size_t)b->rows;
    const unsigned char *p = b->data;
    if (b->rows <= 0 || b->rows > MAX_BLOCK ||
        b->len != n * (sizeof(struct stored) + MINHASH_BANDS * sizeof(uint32_t)))
        return damaged(error);
    for (size_t i = 0; i < n; i++) {
        struct stored s;
        struct minhash_signature g;
        memcpy(&s, p + i * sizeof s, sizeof s);
        if (l->x->n > 0 && s.id <= l->x->entries[l->x->n - 1].id)
            return damaged(error);
        for (int band = 0; band < MINHASH_BANDS; band++) {
            uint32_t key;
            memcpy(&key, p + n * sizeof s + ((size_t)band * n + i) * sizeof key, sizeof key);
            for (int r = 0; r < MINHASH_ROWS; r++)
                g.place[band * MINHASH_ROWS + r] = (uint8_t)(key >> (24 - 8 * r));
        }
        const struct index_entry e = {.id = s.id,
                                      .exact = s.exact,
                                      .prompt = s.prompt,
                                      .content = s.content,
                                      .skeleton = s.skeleton,
                                      .length = s.length};
        if (index_append(l->x, &e, s.flags & INDEX_BARE ? NULL : &g, l->spill_dir, error) != 0)
            return -1;
    }
    return 0;
}

int signatures_load(struct corpus *c, const char *kind, struct index *x, const char *spill_dir,
                    struct error *error)
{
    struct loading l = {x, spill_dir};
    return signatures_each(c, kind, load_block, &l, error);
}

static int store_block(struct corpus *c, const char *kind, const struct index *x, size_t from,
                       size_t n, struct error *error)
{
    struct buf b = BUF;
    uint32_t *keys = mem_alloc(n * sizeof *keys + 1);
    int rc = 0;
    for (size_t i = from; i < from + n; i++) {
        const struct index_entry *e = &x->entries[i];
        const struct stored s = {
            e->id, e->exact, e->prompt, e->content, e->skeleton, e->length, e->flags & INDEX_BARE};
        buf_add(&b, &s, sizeof s);
    }
    for (int band = 0; band < MINHASH_BANDS && rc == 0; band++) {
        rc = index_keys(x, band, from, n, keys, error);
        buf_add(&b, keys, n * sizeof *keys);
    }
    const struct signature_block block = {.first = x->entries[from].id,
                                          .last = x->entries[from + n - 1].id,
                                          .rows = (int64_t)n,
                                          .data = b.data,
                                          .len = b.len};
    if (rc == 0)
        rc = signatures_put(c, kind, &block, error);
    buf_free(&b);
    mem_free(keys);
    return rc;
}

int signatures_store(struct corpus *c, const char *kind, const struct index *x, size_t from,
                     size_t to, struct error *error)
{
    while (from < to) {
        const size_t n = to - from < INDEX_BLOCK ? to - from : INDEX_BLOCK;
        if (store_block(c, kind, x, from, n, error) != 0)
            return -1;
        from += n;
    }
    return 0;
}
