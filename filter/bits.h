/*
 * Arrays of bits, 64 an item, least significant first.
 */
#ifndef FILTER_BITS_H
#define FILTER_BITS_H

#include <stddef.h>
#include <stdint.h>

/* The first bit at or after i that is set; n where there is none before n. */
static inline size_t bits_next_set(const uint64_t *m, size_t i, size_t n)
{
    if (i >= n)
        return n;
    size_t k = i >> 6;
    uint64_t v = m[k] >> (i & 63) << (i & 63);
    while (v == 0) {
        if (++k << 6 >= n)
            return n;
        v = m[k];
    }
    const size_t at = k << 6 | (size_t)__builtin_ctzll(v);
    return at < n ? at : n;
}

/* The first bit at or after i, which is before n, that is clear; n where there is none. */
static inline size_t bits_next_clear(const uint64_t *m, size_t i, size_t n)
{
    size_t k = i >> 6;
    uint64_t v = ~m[k] >> (i & 63) << (i & 63);
    while (v == 0) {
        if (++k << 6 >= n)
            return n;
        v = ~m[k];
    }
    const size_t at = k << 6 | (size_t)__builtin_ctzll(v);
    return at < n ? at : n;
}

/* The place behind the last bit before i that is clear; 0 where there is none. */
static inline size_t bits_after_clear(const uint64_t *m, size_t i)
{
    while (i > 0) {
        const size_t k = (i - 1) >> 6, drop = 63 - ((i - 1) & 63);
        const uint64_t v = ~m[k] << drop >> drop;
        if (v != 0)
            return (k << 6) + 64 - (size_t)__builtin_clzll(v);
        i = k << 6;
    }
    return 0;
}

/* Of item k those that are in [from, to). */
static inline uint64_t bits_between(const uint64_t *m, size_t k, size_t from, size_t to)
{
    uint64_t v = m[k];
    if (from > k << 6)
        v = v >> (from & 63) << (from & 63);
    return to < (k + 1) << 6 ? v & ((UINT64_C(1) << (to & 63)) - 1) : v;
}

/* Is any of [from, to), which is not empty, set?  The item behind the last is read as well. */
static inline int bits_any(const uint64_t *m, size_t from, size_t to)
{
    const size_t k = from >> 6, shift = from & 63, n = to - from;
    if (n > 64)
        return bits_next_set(m, from, to) < to;
    return (m[k] >> shift | m[k + 1] << 1 << (63 - shift)) << (64 - n) != 0;
}

#endif
