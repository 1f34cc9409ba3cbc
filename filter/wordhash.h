/*
 * Hashes of words and shingles: 64 bits, a few multiplications, the same on every path.
 *
 * A word is hashed over its folded UTF-8 bytes in zero-padded chunks of eight; for words of one
 * chunk and equal length the hash is injective.
 */
#ifndef FILTER_WORDHASH_H
#define FILTER_WORDHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORDHASH_K1         UINT64_C(0x9E3779B97F4A7C15)
#define WORDHASH_K2         UINT64_C(0xBF58476D1CE4E5B9)
#define WORDHASH_K3         UINT64_C(0x94D049BB133111EB)
#define WORDHASH_CHARACTERS UINT64_C(0x5851F42D4C957F2D)

static inline uint64_t wordhash_chunk(uint64_t h, uint64_t chunk)
{
    h = (h ^ chunk) * WORDHASH_K1;
    return h ^ h >> 32;
}

static inline uint64_t wordhash_mix(uint64_t h)
{
    h = (h ^ h >> 30) * WORDHASH_K2;
    h = (h ^ h >> 27) * WORDHASH_K3;
    return h ^ h >> 31;
}

static inline uint64_t wordhash_load(const unsigned char *p, size_t len)
{
    uint64_t v = 0;
    memcpy(&v, p, len);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* An ASCII word of [0-9A-Za-z_]; setting bit 5 lowers letters and leaves digits alone. */
static inline uint64_t wordhash_ascii(const unsigned char *p, size_t len, const unsigned char *end)
{
    const uint64_t low = UINT64_C(0x2020202020202020);
    uint64_t h = len * WORDHASH_K2;
    for (; len > 8; len -= 8, p += 8)
        h = wordhash_chunk(h, wordhash_load(p, 8) | low);
    if ((size_t)(end - p) >= 8) { /* the usual case: load eight, blank what is not the word */
        const unsigned drop = 64U - 8U * (unsigned)len;
        return wordhash_chunk(h, (wordhash_load(p, 8) | low) << drop >> drop);
    }
    return wordhash_chunk(h, wordhash_load(p, len) | (low >> (64U - 8U * (unsigned)len)));
}

/* The same for folded UTF-8 whose ASCII part has been lowered ('_' as 0x7F). */
static inline uint64_t wordhash_bytes(const unsigned char *p, size_t len)
{
    uint64_t h = len * WORDHASH_K2;
    for (; len > 8; len -= 8, p += 8)
        h = wordhash_chunk(h, wordhash_load(p, 8));
    return wordhash_chunk(h, wordhash_load(p, len));
}

static inline uint64_t wordhash_three(uint64_t a, uint64_t b, uint64_t c)
{
    return wordhash_mix(((a * WORDHASH_K2 + b) * WORDHASH_K3) + c);
}

static inline uint64_t wordhash_two(uint64_t a, uint64_t b)
{
    return wordhash_mix((a * WORDHASH_K3 + b) ^ UINT64_C(0xD6E8FEB86659FD93));
}

static inline uint64_t wordhash_one(uint64_t a)
{
    return wordhash_mix(a ^ UINT64_C(0xA0761D6478BD642F));
}

/* Two adjacent characters of an unspaced script (b 0: one alone). */
static inline uint64_t wordhash_characters(uint32_t a, uint32_t b)
{
    return wordhash_mix((uint64_t)a << 32 ^ b ^ WORDHASH_CHARACTERS);
}

#endif
