/*
 * What the filter has to know about a code point, in one 32-bit word: its folded form (one code
 * point: lower case, full-width to ASCII …) and class bits.  Built from core/unicode.h by blocks
 * of 256 when first asked for; safe from any thread.
 */
#ifndef FILTER_LETTERS_H
#define FILTER_LETTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LETTER_CODE = 0x1FFFFF,  /* mask of the folded code point */
    LETTER_WORD = 1 << 21,   /* part of a word: letters, marks, numbers, '_' */
    LETTER_BIGRAM = 1 << 22, /* of a script written without spaces: shingled by characters */
    LETTER_SIMPLE = 1 << 23, /* NFKC with case folding maps it to LETTER_CODE alone, whatever
                                 stands beside it */
    LETTER_NUMBER = 1 << 24,
    LETTER_UPPER = 1 << 25,
    LETTER_SPACE = 1 << 26,  /* White_Space, zero-width space, byte order mark */
    LETTER_SYMBOL = 1 << 27, /* category S* */
    LETTER_PUNCT = 1 << 28,  /* category P* */
};

enum { LETTER_BLOCKS = 0x110000 >> 8 };

extern _Atomic(uint32_t *) letters_blocks[LETTER_BLOCKS];
const uint32_t *letters_build(uint32_t block);

/* 0 for what is no code point. */
static inline uint32_t letters_of(uint32_t code)
{
    if (code >= 0x110000)
        return 0;
    const uint32_t *b = atomic_load_explicit(&letters_blocks[code >> 8], memory_order_acquire);
    return (b != NULL ? b : letters_build(code >> 8))[code & 0xFF];
}

/* Decode one code point at p (p < end); the length, or 0 for an invalid byte. */
static inline size_t letters_decode(const unsigned char *p, const unsigned char *end,
                                    uint32_t *code)
{
    const size_t left = (size_t)(end - p);
    if (p[0] < 0x80) {
        *code = p[0];
        return 1;
    }
    if (p[0] < 0xE0) {
        if (p[0] < 0xC2 || left < 2 || (p[1] & 0xC0) != 0x80)
            return 0;
        *code = (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
        return 2;
    }
    if (p[0] < 0xF0) {
        if (left < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80)
            return 0;
        *code = (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
        return *code >= 0x800 && (*code < 0xD800 || *code > 0xDFFF) ? 3 : 0;
    }
    if (p[0] > 0xF4 || left < 4 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 ||
        (p[3] & 0xC0) != 0x80)
        return 0;
    *code = (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
            (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
    return *code >= 0x10000 && *code < 0x110000 ? 4 : 0;
}

/* Is there a character from U+4E00 to U+9FFF at p?  Such are of an unspaced script, and fold to
 * themselves. */
static inline bool letters_han(const unsigned char *p, const unsigned char *end)
{
    return end - p >= 3 && p[0] >= 0xE4 && p[0] <= 0xE9 && (p[0] > 0xE4 || p[1] >= 0xB8) &&
           (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80;
}

/* The code point of a character that letters_han found. */
static inline uint32_t letters_han_code(const unsigned char *p)
{
    return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
}

#endif
