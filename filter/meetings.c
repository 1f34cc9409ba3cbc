#include "filter/meetings.h"

#include "core/mem.h"
#include "core/vec.h"
#include "filter/hashsort.h"

enum { SLOTS_A_ROW = 8, LEAST_BITS = 12, SLOTS_A_WORD = 32 };

/* Of each slot, by some bits of the key: has it been met, and has it been met again? */
struct table {
    uint64_t *words; /* two bits a slot */
    unsigned shift;
};

static struct table table_of(size_t rows)
{
    unsigned bits = LEAST_BITS;
    while ((size_t)1 << bits < rows * SLOTS_A_ROW && bits < 32)
        bits++;
    return (struct table){mem_zero(((size_t)1 << bits) / SLOTS_A_WORD, sizeof(uint64_t)),
                          32 - bits};
}

static inline uint32_t slot_of(const struct table *t, uint32_t key)
{
    return key * UINT32_C(0x9E3779B1) >> t->shift;
}

static inline void meet(struct table *t, uint32_t key)
{
    const uint32_t slot = slot_of(t, key), shift = slot % SLOTS_A_WORD * 2;
    uint64_t *word = &t->words[slot / SLOTS_A_WORD];
    *word |= (1 | (*word >> shift & 1) << 1) << shift;
}

static inline bool met_again(const struct table *t, uint32_t key)
{
    const uint32_t slot = slot_of(t, key);
    return t->words[slot / SLOTS_A_WORD] >> (slot % SLOTS_A_WORD * 2 + 1) & 1;
}

/* What becomes of the rows of a block. */
struct walk {
    struct table table;
    uint64_t *found;
    size_t n, cap;
};

typedef void block_fn(struct walk *w, const uint32_t *keys, const uint32_t *rows, size_t n);

static void count_block(struct walk *w, const uint32_t *keys, const uint32_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        meet(&w->table, keys[rows[i] % INDEX_BLOCK]);
}

static void find_block(struct walk *w, const uint32_t *keys, const uint32_t *rows, size_t n)
{
    w->found = vec_reserve(w->found, &w->cap, w->n + n, sizeof *w->found);
    for (size_t i = 0; i < n; i++) {
        const uint32_t key = keys[rows[i] % INDEX_BLOCK];
        w->found[w->n] = meetings_keyed(key, rows[i]); /* stays where it has been met again */
        w->n += met_again(&w->table, key);
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
    struct walk w = {.table = table_of(m->n)};
    int rc = each_block(m, &w, count_block, error);
    if (rc == 0)
        rc = each_block(m, &w, find_block, error);
    if (rc == 0)
        hashsort_keys(w.found, w.n);
    mem_free(w.table.words);
    *out = w.found;
    *n = w.n;
    return rc;
}
