#include "filter/order.h"

#include "core/mem.h"

#include <string.h>

static int class_of(uint32_t flags)
{
    if (flags & INDEX_HUMAN)
        return 0;
    if (flags & (INDEX_REMOVED | INDEX_DROPPED))
        return 3;
    return flags & (INDEX_OLD | INDEX_FOREIGN) ? 1 : 2;
}

static int preferred(enum prefer_kind kind, const struct index_entry *x,
                     const struct index_entry *y)
{
    switch (kind) {
    case PREFER_LONGEST: return (x->length < y->length) - (x->length > y->length);
    case PREFER_SHORTEST: return (x->length > y->length) - (x->length < y->length);
    case PREFER_OLDEST: return (x->id > y->id) - (x->id < y->id);
    case PREFER_SCORE: return (x->score < y->score) - (x->score > y->score);
    }
    return 0;
}

int order_compare(const struct order *o, uint32_t a, uint32_t b)
{
    const struct index_entry *x = &o->entries[a], *y = &o->entries[b];
    int rc = class_of(x->flags) - class_of(y->flags);
    for (size_t i = 0; rc == 0 && i < o->chosen->n_prefer; i++)
        rc = preferred(o->chosen->prefer[i], x, y);
    if (rc == 0)
        rc = (x->content > y->content) - (x->content < y->content);
    return rc != 0 ? rc : (x->id > y->id) - (x->id < y->id);
}

static void merge(const uint32_t *from, uint32_t *to, size_t left, size_t n, order_fn *compare,
                  const void *context)
{
    size_t i = 0, k = left;
    for (size_t at = 0; at < n; at++) {
        const bool first = k == n || (i < left && compare(context, from[i], from[k]) <= 0);
        to[at] = first ? from[i++] : from[k++];
    }
}

void order_sort(uint32_t *rows, size_t n, order_fn *compare, const void *context)
{
    if (n < 2)
        return;
    uint32_t *other = mem_alloc(n * sizeof *other + 1), *from = rows, *to = other;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            const size_t len = n - at < 2 * width ? n - at : 2 * width;
            merge(from + at, to + at, width < len ? width : len, len, compare, context);
        }
        uint32_t *t = from;
        from = to;
        to = t;
    }
    if (from != rows)
        memcpy(rows, from, n * sizeof *rows);
    mem_free(other);
}

struct keyed {
    uint64_t key;
    uint32_t row;
};

/* A number that is the smaller for the row that goes first, unless they are equal: the class, and
 * what the usual recipe asks for, the length and then the bytes. */
static uint64_t key_of(const struct order *o, uint32_t row)
{
    const struct index_entry *e = &o->entries[row];
    const uint64_t class = (uint64_t)class_of(e->flags) << 62;
    if (o->chosen->n_prefer != 1)
        return class;
    if (o->chosen->prefer[0] == PREFER_LONGEST)
        return class | (uint64_t)(UINT32_MAX - e->length) << 30 | e->content >> 34;
    if (o->chosen->prefer[0] == PREFER_SHORTEST)
        return class | (uint64_t)e->length << 30 | e->content >> 34;
    return class;
}

static bool goes_before(const struct order *o, const struct keyed *a, const struct keyed *b)
{
    return a->key != b->key ? a->key < b->key : order_compare(o, a->row, b->row) < 0;
}

static void merge_keyed(const struct order *o, const struct keyed *from, struct keyed *to,
                        size_t left, size_t n)
{
    size_t i = 0, k = left;
    for (size_t at = 0; at < n; at++) {
        const bool second = i == left || (k < n && goes_before(o, &from[k], &from[i]));
        to[at] = second ? from[k++] : from[i++];
    }
}

void order_rows(const struct order *o, uint32_t *rows, size_t n)
{
    struct keyed *items = mem_alloc(2 * n * sizeof *items + 1), *from = items, *to = items + n;
    for (size_t i = 0; i < n; i++)
        from[i] = (struct keyed){key_of(o, rows[i]), rows[i]};
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            const size_t len = n - at < 2 * width ? n - at : 2 * width;
            merge_keyed(o, from + at, to + at, width < len ? width : len, len);
        }
        struct keyed *t = from;
        from = to;
        to = t;
    }
    for (size_t i = 0; i < n; i++)
        rows[i] = from[i].row;
    mem_free(items);
}
