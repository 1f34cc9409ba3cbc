/*
 * What kind of character it is, by table.  The tables of non-ASCII characters are filled a block
 * of 256 at a time, when the block is first met, and shared by all threads and tokenizers.
 */
#include "model/tokenizer/parts.h"

#include "core/mem.h"
#include "core/unicode.h"

#include <stdatomic.h>
#include <string.h>

enum { BLOCKS = 0x110000 / 256 };

#define P CLASS_PUNCTUATION | CLASS_INERT
#define L CLASS_LETTER | CLASS_WORD | CLASS_INERT
#define N CLASS_NUMBER | CLASS_WORD | CLASS_INERT
#define S CLASS_SPACE | CLASS_INERT
#define C CLASS_INERT
#define U CLASS_PUNCTUATION | CLASS_WORD | CLASS_INERT
const uint8_t class_ascii[128] = {
    C, C, C, C, C, C, C, C, C, S, S, S, S, S, C, C, /* 00 */
    C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, /* 10 */
    S, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, /* 20 */
    N, N, N, N, N, N, N, N, N, N, P, P, P, P, P, P, /* 30 */
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* 40 */
    L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, U, /* 50 */
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* 60 */
    L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, C, /* 70 */
};
#undef P
#undef L
#undef N
#undef S
#undef C
#undef U

static _Atomic(const uint8_t *) blocks[BLOCKS];

/* Does NFC leave the character alone whatever stands around it?  Marks and the second and third
 * parts of Hangul syllables may compose with what is before them. */
static bool inert(uint32_t c)
{
    struct buf in = BUF_MAX(16), out = BUF_MAX(256);
    bool same;
    if (c < 0x300 || (c >= 0x3400 && c < 0xA000) || (c >= 0xAC00 && c < 0xD7A4))
        return true;
    if (unicode_is_mark(c) || (c >= 0x1160 && c < 0x1200) || (c >= 0xD800 && c < 0xE000))
        return false;
    buf_utf8(&in, c);
    unicode_normalize(buf_view(&in), UNICODE_NFC, &out);
    same = slice_equal(buf_view(&in), buf_view(&out));
    buf_free(&in);
    buf_free(&out);
    return same;
}

static unsigned classify(uint32_t c)
{
    bool letter = unicode_is_letter(c), number = unicode_is_number(c), mark = unicode_is_mark(c);
    unsigned k = 0;
    if (letter)
        k |= CLASS_LETTER;
    if (number)
        k |= CLASS_NUMBER;
    if (mark)
        k |= CLASS_MARK;
    if (letter || number || mark || c == 0x203F || c == 0x2040 || c == 0xFF3F)
        k |= CLASS_WORD;
    if (unicode_is_space(c))
        k |= CLASS_SPACE;
    if (unicode_is_punctuation(c))
        k |= CLASS_PUNCTUATION;
    if (inert(c))
        k |= CLASS_INERT;
    return k;
}

static const uint8_t *fill(uint32_t block)
{
    const uint8_t *there = NULL;
    uint8_t *made = mem_alloc(256);
    for (uint32_t i = 0; i < 256; i++)
        made[i] = (uint8_t)classify(block * 256 + i);
    if (atomic_compare_exchange_strong(&blocks[block], &there, made))
        return made;
    mem_free(made); /* another thread was faster, with the same contents */
    return there;
}

unsigned class_of(uint32_t c)
{
    const uint8_t *block;
    if (c < 128)
        return class_ascii[c];
    if (c > 0x10FFFF)
        return 0;
    block = atomic_load_explicit(&blocks[c >> 8], memory_order_acquire);
    if (block == NULL)
        block = fill(c >> 8);
    return block[c & 0xFF];
}
