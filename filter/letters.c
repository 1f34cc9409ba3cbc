#include "filter/letters.h"

#include "core/buf.h"
#include "core/mem.h"
#include "core/unicode.h"

#include <stdbool.h>

_Atomic(uint32_t *) letters_blocks[LETTER_BLOCKS];

/* Scripts written without spaces.  The ranges of Han and kana are those of the usual tools; the
 * half-width kana fold to full width first. */
static bool unspaced(uint32_t c)
{
    return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x20000 && c <= 0x323AF) || (c >= 0x0E00 && c <= 0x0EFF) || /* Thai, Lao */
           (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF);     /* Myanmar, Khmer */
}

/* Does the code point stay one code point and never join with a neighbour? */
static bool folds_alone(uint32_t c, uint32_t *to)
{
    struct buf in = BUF_MAX(8), out = BUF_MAX(256);
    bool alone = false;
    if (unicode_is_mark(c) || (c >= 0x1100 && c <= 0x11FF)) /* marks, Hangul jamo */
        return false;
    if ((c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF)) {
        *to = c;
        return true;
    }
    buf_utf8(&in, c);
    if (unicode_fold(buf_view(&in), &out) == 0 && out.len > 0) {
        const unsigned char *p = (const unsigned char *)out.data;
        uint32_t code = 0;
        const size_t n = letters_decode(p, p + out.len, &code);
        if (n == out.len) {
            *to = code;
            alone = true;
        }
    }
    buf_free(&in);
    buf_free(&out);
    return alone;
}

static uint32_t describe(uint32_t c)
{
    uint32_t to = unicode_to_lower(c), bits = 0;
    if (c >= 0xD800 && c <= 0xDFFF)
        return c;
    if (folds_alone(c, &to))
        bits |= LETTER_SIMPLE;
    if (unspaced(c) || unspaced(to))
        bits |= LETTER_BIGRAM;
    else if (unicode_is_letter(c) || unicode_is_mark(c) || unicode_is_number(c) || c == '_')
        bits |= LETTER_WORD;
    if (unicode_is_number(c))
        bits |= LETTER_NUMBER;
    if (unicode_to_lower(c) != c)
        bits |= LETTER_UPPER;
    if (unicode_is_space(c) || c == 0x200B || c == 0xFEFF)
        bits |= LETTER_SPACE;
    if (unicode_is_symbol(c))
        bits |= LETTER_SYMBOL;
    if (unicode_is_punctuation(c))
        bits |= LETTER_PUNCT;
    return bits | to;
}

const uint32_t *letters_build(uint32_t block)
{
    uint32_t *made = mem_alloc(256 * sizeof *made), *seen = NULL;
    for (uint32_t i = 0; i < 256; i++)
        made[i] = describe(block << 8 | i);
    if (atomic_compare_exchange_strong(&letters_blocks[block], &seen, made))
        return made;
    mem_free(made); /* another thread was first */
    return seen;
}
