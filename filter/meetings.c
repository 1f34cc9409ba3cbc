#include "filter/meetings.h"

#include "core/mem.h"
#include "core/vec.h"
#include "filter/hashsort.h"
#include "filter/twice.h"

/* What becomes of the rows of a block. */
struct walk {
    struct twice table;
    uint64_t *found;
    size_t n, cap;
};

typedef void block_fn(struct walk *w, const uint32_t *keys, const uint32_t *rows, size_t n);

static void count_block(struct walk *w, const uint32_t *keys, const uint32_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        twice_meet(&w->table, keys[rows[i] % INDEX_BLOCK]);
}

static void find_block(struct walk *w, const uint32_t *keys, const uint32_t *rows, size_t n)
{
    w->found = vec_reserve(w->found, &w->cap, w->n + n, sizeof *w->found);
    for (size_t i = 0; i < n; i++) {
        const uint32_t key = keys[rows[i] % INDEX_BLOCK];
        w->found[w->n] = meetings_keyed(key, rows[i]); /* stays where it has been met again */
        w->n += twice_met(&w->table, key);
    }
}

static int each_block(const struct meetings *m, struct walk *w, block_fn *fn, struct error *error)
{
    uint32_t own[INDEX_BLOCK];
    for (size_t i = 0, n; i < m->n; i += n) {
        const size_t block = m->rows[i] / INDEX_BLOCK;
        const uint32_t *keys = index_column(m->x, m->band, block, own, error);
        if (keys == NULL)
            return -1;
        for (n = 1; i + n < m->n && m->rows[i + n] / INDEX_BLOCK == block; n++)
            ;
        fn(w, keys, m->rows + i, n);
    }
    return 0;
}

int meetings_find(const struct meetings *m, uint64_t **out, size_t *n, struct error *error)
{
    struct walk w = {.table = twice_open(m->n)};
    int rc = each_block(m, &w, count_block, error);
    if (rc == 0)
        rc = each_block(m, &w, find_block, error);
    if (rc == 0)
        hashsort_keys(w.found, w.n);
    twice_close(&w.table);
    *out = w.found;
    *n = w.n;
    return rc;
}
