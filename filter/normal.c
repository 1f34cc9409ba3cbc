#include "filter/normal.h"

#include "core/unicode.h"
#include "filter/letters.h"
#include "filter/text.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Where the writing stands: blanks are written when something follows them. */
struct writer {
    unsigned char *to;
    bool started, blank;
};

static inline void put(struct writer *w, const unsigned char *p, size_t n)
{
    if (w->blank && w->started)
        *w->to++ = ' ';
    w->blank = false;
    w->started = true;
    memcpy(w->to, p, n);
    w->to += n;
}

static size_t encode(uint32_t c, unsigned char out[4])
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (unsigned char)(0x80 | (c & 0x3F));
    out[0] = (unsigned char)((0xF00 >> n & 0xFF) | c);
    return n;
}

/* One ASCII byte: 0 white space, 1 dropped, else what is written. */
static unsigned char ascii(unsigned char c, const struct normal_options *how)
{
    if (how->fold_space && (c == ' ' || (c >= '\t' && c <= '\r')))
        return 0;
    if (how->drop_punctuation && (letters_of(c) & LETTER_PUNCT))
        return 1;
    if (how->fold_case && c >= 'A' && c <= 'Z')
        return (unsigned char)(c | 0x20);
    return c;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight bytes of ASCII text with single blanks and no other white space: copied at once, lowered
 * if asked.  False: they have to be looked at one by one. */
static inline bool write_eight(const unsigned char *p, bool lower, struct writer *w)
{
    uint64_t v, blank;
    memcpy(&v, p, 8);
    if (v & EACH(0x80))
        return false;
    if ((v - EACH(0x20)) & EACH(0x80)) /* a byte below the blank (or borrowed from one) */
        return false;
    blank = v ^ EACH(0x20);
    blank = (EACH(0x80) - blank) & EACH(0x80); /* 0x80 where a byte is a blank: none has bit 7 */
    if ((blank & blank << 8) || (w->blank && p[0] == ' ') || (!w->started && p[0] == ' '))
        return false;
    if (lower) { /* A..Z: 0x41..0x5A */
        const uint64_t over = v + EACH(0x7F - 'Z'), from = v + EACH(0x80 - 'A');
        v |= (from & ~over & EACH(0x80)) >> 2;
    }
    if (w->blank && w->started)
        *w->to++ = ' ';
    memcpy(w->to, &v, 8);
    w->to += 8;
    w->started = true;
    w->blank = p[7] == ' ';
    w->to -= w->blank;
    return true;
}

/* The same for sixteen bytes, with what every x86-64 has. */
static inline bool write_sixteen(const unsigned char *p, bool lower, struct writer *w)
{
#if defined(__SSE2__)
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    const __m128i space = _mm_set1_epi8(' ');
    const int blank = _mm_movemask_epi8(_mm_cmpeq_epi8(v, space));
    /* as signed bytes those that are not ASCII are below the blank too */
    if (_mm_movemask_epi8(_mm_cmplt_epi8(v, space)) != 0 || (blank & blank << 1) != 0 ||
        ((w->blank || !w->started) && (blank & 1)))
        return false;
    if (lower) {
        const __m128i upper = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('A' - 1)),
                                            _mm_cmplt_epi8(v, _mm_set1_epi8('Z' + 1)));
        v = _mm_or_si128(v, _mm_and_si128(upper, space));
    }
    if (w->blank && w->started)
        *w->to++ = ' ';
    _mm_storeu_si128((__m128i *)(void *)w->to, v);
    w->to += 16;
    w->started = true;
    w->blank = (blank & 0x8000) != 0;
    w->to -= w->blank;
    return true;
#else
    (void)p;
    (void)lower;
    (void)w;
    return false;
#endif
}

/* How many bytes could be written at once. */
static inline size_t write_some(const unsigned char *p, const unsigned char *end, bool lower,
                                struct writer *w)
{
    if (end - p >= 16 && write_sixteen(p, lower, w))
        return 16;
    return end - p >= 8 && write_eight(p, lower, w) ? 8 : 0;
}

/* Returns false where a code point needs its neighbours or becomes several. */
static bool write_simple(struct slice text, const struct normal_options *how, struct writer *w)
{
    const unsigned char *p = (const unsigned char *)text.data, *end = p + text.len;
    unsigned char one[4];
    const bool whole = how->fold_space && !how->drop_punctuation;
    const unsigned char *again = p; /* where more than one byte is tried next */
    while (p < end) {
        if (whole && p >= again && *p < 0x80) {
            const size_t n = write_some(p, end, how->fold_case, w);
            p += n;
            again = n > 0 ? p : p + 8; /* what stood in the way is among the next ones */
            if (n > 0)
                continue;
        }
        if (*p < 0x80) {
            const unsigned char c = ascii(*p++, how);
            if (c > 1 || (c == 1 && !how->drop_punctuation))
                put(w, &c, 1);
            else if (c == 0 && how->fold_space)
                w->blank = true;
            else if (c == 0)
                put(w, &c, 1);
            continue;
        }
        if (letters_han(p, end)) {
            size_t n = 3;
            while (letters_han(p + n, end))
                n += 3;
            put(w, p, n);
            p += n;
            continue;
        }
        uint32_t code = 0;
        const size_t len = letters_decode(p, end, &code);
        const uint32_t letter = len > 0 ? letters_of(code) : 0;
        if (len > 0 && how->fold_space && (letter & LETTER_SPACE))
            w->blank = true;
        else if (len > 0 && how->nfkc && how->fold_case && !(letter & LETTER_SIMPLE))
            return false;
        else if (len == 0)
            put(w, p, 1); /* an invalid byte stands for itself */
        else if (!(how->drop_punctuation && (letter & LETTER_PUNCT)))
            put(w, one, encode(how->nfkc && how->fold_case ? letter & LETTER_CODE : code, one));
        p += len > 0 ? len : 1;
    }
    return true;
}

static void unicode_form(struct slice text, const struct normal_options *how, struct buf *out)
{
    buf_clear(out);
    if (how->nfkc && how->fold_case)
        unicode_fold(text, out);
    else if (how->nfkc)
        unicode_normalize(text, UNICODE_NFKC, out);
    else
        unicode_lower(text, out);
}

static void finish(struct buf *out, const struct writer *w)
{
    out->len = (size_t)((char *)w->to - out->data);
    out->data[out->len] = '\0';
}

void normal_text(struct slice text, const struct normal_options *how, struct buf *scratch,
                 struct buf *out)
{
    struct normal_options rest = *how;
    struct writer w;
    if (buf_reserve(out, text.len * 2 + 8) != 0)
        return;
    if (how->nfkc == how->fold_case || text_ascii_prefix(text) == text.len) {
        w = (struct writer){(unsigned char *)out->data + out->len, false, false};
        if (write_simple(text, how, &w)) {
            finish(out, &w);
            return;
        }
    }
    unicode_form(text, how, scratch);
    rest.nfkc = rest.fold_case = false;
    if (buf_reserve(out, scratch->len * 2 + 8) != 0)
        return;
    w = (struct writer){(unsigned char *)out->data + out->len, false, false};
    write_simple(buf_view(scratch), &rest, &w);
    finish(out, &w);
}
