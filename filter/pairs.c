#include "filter/pairs.h"

#include "core/mem.h"
#include "core/vec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 256, DIGIT_BITS = 11, VALUES = 1 << DIGIT_BITS, HALF = 3, DIGITS = 2 * HALF };

void pairs_push(struct pairs *p, uint32_t a, uint32_t b)
{
    if (p->n == p->cap)
        p->items = vec_reserve(p->items, &p->cap, p->n + 1, sizeof *p->items);
    p->items[p->n++] = (struct pair){a < b ? a : b, a < b ? b : a};
}

void pairs_take(struct pairs *p, struct pairs *more)
{
    if (more->n > 0) {
        p->items = vec_reserve(p->items, &p->cap, p->n + more->n, sizeof *p->items);
        memcpy(p->items + p->n, more->items, more->n * sizeof *p->items);
    }
    p->n += more->n;
    p->met += more->met;
    p->split += more->split;
    p->left_out += more->left_out;
    pairs_free(more);
}

static int compare(const void *x, const void *y)
{
    const struct pair *p = x, *q = y;
    if (p->a != q->a)
        return p->a > q->a ? 1 : -1;
    return (p->b > q->b) - (p->b < q->b);
}

/* Digits of eleven bits, those of b first. */
static inline size_t digit_of(struct pair p, int digit)
{
    return (digit < HALF ? p.b >> digit * DIGIT_BITS : p.a >> (digit - HALF) * DIGIT_BITS) &
           (VALUES - 1);
}

/* One pass by the digit; false: all have the same one, and nothing was done. */
static bool pass(const struct pair *from, struct pair *to, size_t n, int digit)
{
    size_t start[VALUES] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++)
        start[digit_of(from[i], digit)]++;
    if (start[digit_of(from[0], digit)] == n)
        return false;
    for (int v = 0; v < VALUES; v++) {
        const size_t count = start[v];
        start[v] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[start[digit_of(from[i], digit)]++] = from[i];
    return true;
}

void pairs_sort(struct pair *items, size_t n)
{
    if (n <= SMALL) {
        if (n > 1)
            qsort(items, n, sizeof *items, compare);
        return;
    }
    struct pair *other = mem_alloc(n * sizeof *other), *from = items, *to = other;
    for (int digit = 0; digit < DIGITS; digit++)
        if (pass(from, to, n, digit)) {
            struct pair *t = from;
            from = to;
            to = t;
        }
    if (from != items)
        memcpy(items, from, n * sizeof *items);
    mem_free(other);
}

void pairs_distinct(struct pairs *p)
{
    size_t kept = 0;
    pairs_sort(p->items, p->n);
    for (size_t i = 0; i < p->n; i++)
        if (kept == 0 || compare(&p->items[i], &p->items[kept - 1]) != 0)
            p->items[kept++] = p->items[i];
    p->n = kept;
}

void pairs_free(struct pairs *p)
{
    mem_free(p->items);
    *p = (struct pairs){.items = NULL};
}
