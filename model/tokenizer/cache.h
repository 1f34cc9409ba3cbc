/*
 * The word cache of one thread: recent short words and their ids, direct-mapped, of fixed size.
 * A word is kept whole in its key, so a hit is certain.  Private to model/tokenizer/.
 */
#ifndef MODEL_TOKENIZER_CACHE_H
#define MODEL_TOKENIZER_CACHE_H

#include "core/mem.h"
#include "core/slice.h"

#include <stdint.h>
#include <string.h>

enum {
    CACHE_WORD = 15, /* longest word kept, in bytes */
    CACHE_IDS = 4,   /* most ids kept */
    CACHE_BITS = 16, /* 65,536 entries of 32 bytes: 2 MB */
};

struct cache_key {
    uint64_t low, high; /* the bytes, zero-padded; the length in the last */
};
struct cache_entry {
    struct cache_key key;
    int32_t ids[CACHE_IDS]; /* ended by -1 where fewer */
};

static inline struct cache_entry *cache_new(void)
{
    return mem_zero((size_t)1 << CACHE_BITS, sizeof(struct cache_entry));
}

/* `readable`: bytes that may be read from the word's beginning on. */
static inline struct cache_key cache_key(struct slice word, size_t readable)
{
    unsigned char bytes[16] = {0};
    struct cache_key k;
    if (readable >= 16) {
        memcpy(&k, word.data, 16);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        if (word.len < 8) {
            k.low &= ((uint64_t)1 << 8 * word.len) - 1;
            k.high = 0;
        } else {
            k.high &= ((uint64_t)1 << 8 * (word.len - 8)) - 1;
        }
        k.high |= (uint64_t)word.len << 56;
        return k;
#endif
    }
    memcpy(bytes, word.data, word.len);
    bytes[15] = (unsigned char)word.len;
    memcpy(&k, bytes, 16);
    return k;
}

static inline struct cache_entry *cache_slot(struct cache_entry *cache, struct cache_key k)
{
    uint64_t h = (k.low ^ k.high >> 29) * 0x9E3779B97F4A7C15u;
    h = (h ^ h >> 32 ^ k.high) * 0xD6E8FEB86659FD93u;
    return &cache[h >> (64 - CACHE_BITS)];
}

static inline void cache_put(struct cache_entry *entry, struct cache_key k, const int32_t *ids,
                             size_t n)
{
    entry->key = k;
    for (size_t i = 0; i < CACHE_IDS; i++)
        entry->ids[i] = i < n ? ids[i] : -1;
}

#endif
