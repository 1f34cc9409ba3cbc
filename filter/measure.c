#include "filter/measure.h"

#include "filter/letters.h"

#include <stdbool.h>
#include <string.h>

/* Bytes that start a code point: all but 10xxxxxx, eight at a time. */
size_t measure_characters(struct slice text)
{
    const char *p = text.data;
    size_t n = text.len, i = 0;
    for (; i + 8 <= text.len; i += 8) {
        uint64_t v;
        memcpy(&v, p + i, 8);
        v = v >> 7 & ~v >> 6 & UINT64_C(0x0101010101010101);
        n -= (size_t)__builtin_popcountll(v);
    }
    for (; i < text.len; i++)
        n -= ((unsigned char)p[i] & 0xC0) == 0x80;
    return n;
}

size_t measure_tokens(struct slice text)
{
    const unsigned char *p = (const unsigned char *)text.data, *end = p + text.len;
    size_t n = 0;
    bool open = false;
    while (p < end) {
        uint32_t code = 0;
        const size_t len = letters_decode(p, end, &code);
        const uint32_t letter = len > 0 ? letters_of(code) : 0;
        n += (letter & LETTER_BIGRAM) || ((letter & LETTER_WORD) && !open);
        open = (letter & LETTER_WORD) != 0;
        p += len > 0 ? len : 1;
    }
    return n;
}
