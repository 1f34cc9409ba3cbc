#include "filter/measure.h"

#include "filter/letters.h"

#include <stdbool.h>
#include <string.h>

/* Bytes that start a code point are all but 10xxxxxx: those are counted eight at a time, each in its
 * own byte of a sum, which holds 255. */
size_t measure_characters(struct slice text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const char *p = text.data;
    size_t n = text.len, i = 0;
    while (i + 8 <= text.len) {
        const size_t stop = text.len - i > 8 * 255 ? i + 8 * 255 : text.len;
        uint64_t sum = 0, v;
        for (; i + 8 <= stop; i += 8) {
            memcpy(&v, p + i, 8);
            sum += v >> 7 & ~v >> 6 & ones;
        }
        sum = (sum & UINT64_C(0x00FF00FF00FF00FF)) + (sum >> 8 & UINT64_C(0x00FF00FF00FF00FF));
        n -= (size_t)(sum * UINT64_C(0x0001000100010001) >> 48);
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
