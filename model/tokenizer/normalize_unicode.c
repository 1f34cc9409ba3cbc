/*
 * The normalisers that look characters up: Unicode forms, case, accents, BERT's cleaning.
 *
 * A form is applied piece by piece.  A piece begins at a character that never combines with what
 * stands before it, so the pieces can be normalised apart, and each is the origin of its result.
 */
#include "model/tokenizer/parts.h"

#include "core/unicode.h"

#include <string.h>

static enum unicode_form form_of(enum normalizer_kind kind)
{
    switch (kind) {
    case NORMALIZE_NFD: return UNICODE_NFD;
    case NORMALIZE_NFKC: return UNICODE_NFKC;
    case NORMALIZE_NFKD: return UNICODE_NFKD;
    case NORMALIZE_NFC:
    case NORMALIZE_LOWERCASE:
    case NORMALIZE_STRIP:
    case NORMALIZE_STRIP_ACCENTS:
    case NORMALIZE_PREPEND:
    case NORMALIZE_REPLACE:
    case NORMALIZE_REPLACE_REGEX:
    case NORMALIZE_BERT:
    case NORMALIZE_PREFIX: break;
    }
    return UNICODE_NFC;
}

/* May the character combine with the one before it, once both are decomposed? */
static bool combines_back(uint32_t c, enum normalizer_kind kind, struct buf *unit)
{
    bool compatible = kind == NORMALIZE_NFKC || kind == NORMALIZE_NFKD;
    struct buf one = BUF_MAX(8);
    uint32_t first = c;
    if (c < 0x300 || (!compatible && (class_of(c) & CLASS_INERT) != 0))
        return false;
    buf_utf8(&one, c);
    buf_clear(unit);
    unicode_normalize(buf_view(&one), compatible ? UNICODE_NFKD : UNICODE_NFD, unit);
    if (unit->len != 0)
        char_decode(unit->data, &first);
    buf_free(&one);
    return (class_of(first) & CLASS_MARK) != 0 || (first >= 0x1160 && first < 0x1200);
}

/* Bytes from `at` that the form surely leaves alone, up to the last character before one that it
 * may not. */
static size_t untouched(enum normalizer_kind kind, struct slice text, size_t at)
{
    size_t last = at;
    while (at < text.len) {
        uint32_t c;
        size_t n = char_decode(text.data + at, &c);
        if (c >= 128 && (kind != NORMALIZE_NFC || (class_of(c) & CLASS_INERT) == 0))
            return c < 0x300 ? at : last;
        last = at;
        at += n;
    }
    return text.len;
}

/* The end of the piece that begins at `at`. */
static size_t piece_end(enum normalizer_kind kind, struct slice text, size_t at, struct buf *unit)
{
    uint32_t c;
    at += char_decode(text.data + at, &c);
    while (at < text.len) {
        size_t n = char_decode(text.data + at, &c);
        if (!combines_back(c, kind, unit))
            break;
        at += n;
    }
    return at;
}

bool normalize_unicode_form(enum normalizer_kind kind, const struct aligned *in, struct buf *unit,
                            struct aligned_out *out)
{
    struct slice text = in->text;
    size_t at = untouched(kind, text, 0);
    if (at == text.len)
        return false;
    aligned_copy(out, in, 0, at);
    while (at < text.len) {
        size_t end = piece_end(kind, text, at, unit), rest;
        buf_clear(unit);
        unicode_normalize((struct slice){text.data + at, end - at}, form_of(kind), unit);
        aligned_emit(out, buf_text(unit), unit->len, aligned_range(in, at, end));
        rest = untouched(kind, text, end);
        aligned_copy(out, in, end, rest);
        at = rest;
    }
    return true;
}

/* Nothing but ASCII, and, where `printable`, no control character and no line end. */
static bool plain_ascii(struct slice text, bool printable)
{
    unsigned char low = 0x20, high = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        low = c < low ? c : low;
        high |= (unsigned char)(c + (c == 0x7F));
    }
    return high < 0x80 && (!printable || low == 0x20);
}

bool normalize_strip_accents(const struct aligned *in, bool nonspacing, struct aligned_out *out)
{
    if (plain_ascii(in->text, false))
        return false;
    for (size_t i = 0; i < in->text.len;) {
        uint32_t c;
        size_t n = char_decode(in->text.data + i, &c);
        if (c < 128 || !(nonspacing ? unicode_is_nonspacing(c) : unicode_is_mark(c)))
            aligned_copy(out, in, i, i + n);
        i += n;
    }
    return true;
}

/* Full lower case of one character: only U+0130 becomes two. */
static void emit_lower(const struct aligned *in, size_t at, size_t n, uint32_t c,
                       struct aligned_out *out)
{
    struct token_range from = aligned_range(in, at, at + n);
    char utf8[5] = {0};
    struct buf b = BUF_MAX(8);
    if (c < 128) {
        utf8[0] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        aligned_emit(out, utf8, 1, from);
    } else if (c == 0x130) {
        aligned_emit(out, "i\xCC\x87", 3, from);
    } else {
        buf_utf8(&b, unicode_to_lower(c));
        aligned_emit(out, b.data, b.len, from);
        buf_free(&b);
    }
}

static void lower_ascii(struct slice text, struct buf *out)
{
    if (buf_reserve(out, text.len) != 0)
        return;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        out->data[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    out->len = text.len;
}

bool normalize_lowercase(const struct aligned *in, struct aligned_out *out)
{
    if (!out->mapped && plain_ascii(in->text, false)) {
        lower_ascii(in->text, &out->text);
        return true;
    }
    for (size_t i = 0; i < in->text.len;) {
        uint32_t c;
        size_t n = char_decode(in->text.data + i, &c);
        emit_lower(in, i, n, c, out);
        i += n;
    }
    return true;
}

static bool is_chinese(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool normalize_bert_clean(const struct aligned *in, bool chinese, bool clean,
                          struct aligned_out *out)
{
    if (plain_ascii(in->text, true))
        return false;
    for (size_t i = 0; i < in->text.len;) {
        uint32_t c;
        size_t n = char_decode(in->text.data + i, &c);
        struct token_range from = aligned_range(in, i, i + n);
        bool space = c == '\t' || c == '\n' || c == '\r' || (class_of(c) & CLASS_SPACE) != 0;
        if (clean && (c == 0 || c == 0xFFFD || unicode_is_control(c))) {
            i += n;
            continue;
        }
        if (clean && space) {
            aligned_emit(out, " ", 1, from);
        } else if (chinese && is_chinese(c)) {
            aligned_emit(out, " ", 1, from);
            aligned_copy(out, in, i, i + n);
            aligned_emit(out, " ", 1, from);
        } else {
            aligned_copy(out, in, i, i + n);
        }
        i += n;
    }
    return true;
}
