#include "filter/normal.h"

#include "core/unicode.h"
#include "filter/kernels/fold.h"
#include "filter/letters.h"
#include "filter/text.h"

#include <string.h>

static inline void put_byte(struct fold *f, unsigned char c)
{
    fold_start(f);
    *f->to++ = c;
}

static void put_code(struct fold *f, uint32_t c)
{
    if (c < 0x80) {
        put_byte(f, (unsigned char)c);
        return;
    }
    const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    fold_start(f);
    for (size_t i = n; i-- > 1; c >>= 6)
        f->to[i] = (unsigned char)(0x80 | (c & 0x3F));
    f->to[0] = (unsigned char)((0xF00 >> n & 0xFF) | c);
    f->to += n;
}

/* One byte of ASCII. */
static void put_ascii(struct fold *f, unsigned char c, const struct normal_options *how)
{
    if (how->fold_space && (c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'))
        f->blank = true;
    else if (!(how->drop_punctuation && (letters_of(c) & LETTER_PUNCT)))
        put_byte(f, how->fold_case && c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* A run of Han, where there is a character at p; its bytes. */
static size_t put_han(struct fold *f, const struct fold_kernel *kernel, const unsigned char *p,
                      size_t n)
{
    fold_start(f);
    const size_t len = kernel->han(p, n, f->to);
    f->to += len;
    return len;
}

/* Returns false where a code point needs its neighbours or becomes several. */
static bool write_simple(struct slice text, const struct normal_options *how, struct fold *f)
{
    const unsigned char *p = (const unsigned char *)text.data, *end = p + text.len;
    const struct fold_kernel *kernel = fold_best();
    const bool whole = how->fold_space && !how->drop_punctuation;
    const bool folded = how->nfkc && how->fold_case;
    while (p < end) {
        uint32_t code = 0;
        if (*p < 0x80 && whole) {
            p += kernel->ascii(p, (size_t)(end - p), how->fold_case, f);
            continue;
        }
        if (*p < 0x80) {
            put_ascii(f, *p++, how);
            continue;
        }
        if (letters_han(p, end)) {
            p += put_han(f, kernel, p, (size_t)(end - p));
            continue;
        }
        const size_t len = letters_decode(p, end, &code);
        const uint32_t letter = len > 0 ? letters_of(code) : 0;
        if (len > 0 && how->fold_space && (letter & LETTER_SPACE))
            f->blank = true;
        else if (len > 0 && folded && !(letter & LETTER_SIMPLE))
            return false;
        else if (len == 0)
            put_byte(f, *p); /* an invalid byte stands for itself */
        else if (!(how->drop_punctuation && (letter & LETTER_PUNCT)))
            put_code(f, folded ? letter & LETTER_CODE : code);
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

/* Append what is made of the text; false as above, and nothing was appended. */
static bool append_simple(struct slice text, const struct normal_options *how, struct buf *out)
{
    if (buf_reserve(out, text.len * 2 + FOLD_SLACK) != 0)
        return true; /* as all buffers, it remembers */
    struct fold f = {(unsigned char *)out->data + out->len, false, false};
    if (!write_simple(text, how, &f))
        return false;
    out->len = (size_t)((char *)f.to - out->data);
    out->data[out->len] = '\0';
    return true;
}

void normal_text(struct slice text, const struct normal_options *how, struct buf *scratch,
                 struct buf *out)
{
    struct normal_options rest = *how;
    if ((how->nfkc == how->fold_case || text_ascii_prefix(text) == text.len) &&
        append_simple(text, how, out))
        return;
    unicode_form(text, how, scratch);
    rest.nfkc = rest.fold_case = false;
    (void)append_simple(buf_view(scratch), &rest, out);
}
