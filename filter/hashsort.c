#include "filter/hashsort.h"

#include "core/mem.h"
#include "filter/kernels/settle.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEW = 8,    /* are sorted as they are */
    SMALL = 32, /* and so many of one bucket; more might take long */
    EVEN = 8,   /* buckets of at most so many are sorted in one go */
    LITTLE = 1024,
    MOST_BITS = 16
};

/* The bounds of the buckets of n items, about one in each. */
struct buckets {
    uint32_t *start; /* 2^bits + 1 */
    unsigned shift;
    uint32_t most; /* of the items in a bucket */
    uint32_t few[512 + 1];
};

static void buckets_open(struct buckets *b, size_t n)
{
    unsigned bits = 4;
    while (bits < MOST_BITS && (size_t)1 << bits < n)
        bits++;
    const size_t size = (((size_t)1 << bits) + 1) * sizeof *b->start;
    b->start = size > sizeof b->few ? mem_alloc(size) : b->few;
    b->shift = 64 - bits;
    memset(b->start, 0, size);
}

static void buckets_close(struct buckets *b)
{
    if (b->start != b->few)
        mem_free(b->start);
}

/* Counts, at start[i + 1], to offsets. */
static void buckets_sum(struct buckets *b)
{
    uint32_t sum = 0, most = 0;
    for (size_t i = 1; i <= (size_t)1 << (64 - b->shift); i++) {
        most = b->start[i] > most ? b->start[i] : most;
        sum += b->start[i];
        b->start[i] = sum;
    }
    b->most = most;
}

static int by_key(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool sorted(const uint64_t *a, size_t n)
{
    size_t i = 1;
    while (i < n && a[i - 1] <= a[i])
        i++;
    return i >= n;
}

/* A crowded bucket, of keys that agree in their upper half, by qsort. */
static void sort_bucket(uint64_t *a, size_t n)
{
    if (n <= SMALL)
        settle_insertion(a, n);
    else if (!sorted(a, n))
        qsort(a, n, sizeof *a, by_key);
}

/* The keys lie in their buckets; start[i] is where bucket i ends. */
static void sort_buckets(const struct buckets *b, uint64_t *keys, size_t n)
{
    if (b->most <= EVEN) {
        settle_best()->run(keys, n);
        return;
    }
    for (size_t i = 0, from = 0; i < (size_t)1 << (64 - b->shift); from = b->start[i++])
        if (b->start[i] > from + 1)
            sort_bucket(keys + from, b->start[i] - from);
}

void hashsort_keys(uint64_t *keys, size_t n)
{
    struct buckets b;
    uint64_t little[LITTLE], *to = little;
    if (n <= FEW) {
        settle_insertion(keys, n);
        return;
    }
    if (n > LITTLE)
        to = mem_alloc(n * sizeof *to);
    buckets_open(&b, n);
    for (size_t i = 0; i < n; i++)
        b.start[(keys[i] >> b.shift) + 1]++;
    buckets_sum(&b);
    for (size_t i = 0; i < n; i++)
        to[b.start[keys[i] >> b.shift]++] = keys[i];
    sort_buckets(&b, to, n);
    memcpy(keys, to, n * sizeof *keys);
    buckets_close(&b);
    if (to != little)
        mem_free(to);
}

static int by_pair(const void *a, const void *b)
{
    const struct hashsort_pair *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash > y->hash ? 1 : -1;
    return (x->kind < y->kind) - (x->kind > y->kind);
}

static void sort_pairs(struct hashsort_pair *a, size_t n)
{
    if (n > SMALL) {
        qsort(a, n, sizeof *a, by_pair);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        const struct hashsort_pair x = a[i];
        size_t k = i;
        for (; k > 0 && by_pair(&a[k - 1], &x) > 0; k--)
            a[k] = a[k - 1];
        a[k] = x;
    }
}

void hashsort_pairs(struct hashsort_pair *items, size_t n)
{
    struct buckets b;
    struct hashsort_pair *to = NULL;
    if (n <= SMALL) {
        sort_pairs(items, n);
        return;
    }
    to = mem_alloc(n * sizeof *to);
    buckets_open(&b, n);
    for (size_t i = 0; i < n; i++)
        b.start[(items[i].hash >> b.shift) + 1]++;
    buckets_sum(&b);
    for (size_t i = 0; i < n; i++)
        to[b.start[items[i].hash >> b.shift]++] = items[i];
    for (size_t i = 0, from = 0; i < (size_t)1 << (64 - b.shift); from = b.start[i++])
        if (b.start[i] > from + 1)
            sort_pairs(to + from, b.start[i] - from);
    memcpy(items, to, n * sizeof *items);
    buckets_close(&b);
    mem_free(to);
}
