/*
 * Which of very many hashes are met more than once: a table of two bits for a slot, found by some
 * bits of the hash.  Most are met once, which is told at little cost; of the others some may be
 * alone all the same, one in eight by chance.
 */
#ifndef FILTER_TWICE_H
#define FILTER_TWICE_H

#include "core/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TWICE_SLOTS_A_ROW = 8, TWICE_LEAST_BITS = 12, TWICE_SLOTS_A_WORD = 32 };

struct twice {
    uint64_t *words;
    unsigned shift;
};

static inline struct twice twice_open(size_t rows)
{
    unsigned bits = TWICE_LEAST_BITS;
    while ((size_t)1 << bits < rows * TWICE_SLOTS_A_ROW && bits < 32)
        bits++;
    return (struct twice){mem_zero(((size_t)1 << bits) / TWICE_SLOTS_A_WORD, sizeof(uint64_t)),
                          32 - bits};
}

static inline void twice_close(struct twice *t)
{
    mem_free(t->words);
}

static inline uint32_t twice_slot(const struct twice *t, uint32_t hash)
{
    return hash * UINT32_C(0x9E3779B1) >> t->shift;
}

static inline void twice_meet(struct twice *t, uint32_t hash)
{
    const uint32_t slot = twice_slot(t, hash), shift = slot % TWICE_SLOTS_A_WORD * 2;
    uint64_t *word = &t->words[slot / TWICE_SLOTS_A_WORD];
    *word |= (1 | (*word >> shift & 1) << 1) << shift;
}

static inline bool twice_met(const struct twice *t, uint32_t hash)
{
    const uint32_t slot = twice_slot(t, hash);
    return t->words[slot / TWICE_SLOTS_A_WORD] >> (slot % TWICE_SLOTS_A_WORD * 2 + 1) & 1;
}

#endif
