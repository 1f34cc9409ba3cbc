#include "core/unicode.h"

#include "core/mem.h"

#include <utf8proc.h>

#include <stdlib.h>

static utf8proc_category_t category(uint32_t c)
{
    return c <= 0x10FFFF ? utf8proc_category((utf8proc_int32_t)c) : UTF8PROC_CATEGORY_CN;
}

static bool is_ascii(struct slice s)
{
    unsigned char any = 0;
    for (size_t i = 0; i < s.len; i++)
        any |= (unsigned char)s.data[i];
    return any < 0x80;
}

/* Code points that NFC leaves alone and that nothing composes with: most text of most languages. */
static bool nfc_keeps(uint32_t c)
{
    return c < 0x300 || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) ||
           (c >= 0x3001 && c <= 0x3029) || (c >= 0x3040 && c <= 0x3098) ||
           (c >= 0x30A0 && c <= 0x30FF) || (c >= 0x400 && c <= 0x482) ||
           (c >= 0x2010 && c <= 0x2027) || (c >= 0xFF01 && c <= 0xFFEE) ||
           (c >= 0x1F000 && c < 0x2F800);
}

static bool is_nfc(struct slice s)
{
    uint32_t c;
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_decode(s.data + i, s.len - i, &c);
        if (n == 0 || !nfc_keeps(c))
            return false;
    }
    return true;
}

static int map(struct slice s, int options, struct buf *out)
{
    utf8proc_uint8_t *mapped = NULL;
    utf8proc_ssize_t n;
    struct buf repaired = BUF_MAX(SIZE_MAX / 8);
    int rc = -1;
    if (!utf8_valid(s)) {
        utf8_repair(s, &repaired);
        s = buf_view(&repaired);
    }
    n = utf8proc_map((const utf8proc_uint8_t *)s.data, (utf8proc_ssize_t)s.len, &mapped,
                     (utf8proc_option_t)options);
    if (n >= 0)
        rc = buf_add(out, mapped, (size_t)n);
    free(mapped); /* utf8proc's own allocation */
    buf_free(&repaired);
    return rc;
}

int unicode_normalize(struct slice s, enum unicode_form form, struct buf *out)
{
    static const int options[] = {
        [UNICODE_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
        [UNICODE_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        [UNICODE_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        [UNICODE_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
    };
    if (is_ascii(s) || (form == UNICODE_NFC && is_nfc(s)))
        return buf_slice(out, s);
    return map(s, options[form], out);
}

static int lower_ascii(struct slice s, struct buf *out)
{
    if (buf_reserve(out, s.len) != 0)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        out->data[out->len + i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    out->len += s.len;
    out->data[out->len] = '\0';
    return 0;
}

int unicode_fold(struct slice s, struct buf *out)
{
    if (is_ascii(s))
        return lower_ascii(s, out);
    return map(s, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD, out);
}

int unicode_lower(struct slice s, struct buf *out)
{
    uint32_t c;
    if (is_ascii(s))
        return lower_ascii(s, out);
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_decode(s.data + i, s.len - i, &c);
        if (n == 0) {
            n = utf8_bad_length(s.data + i, s.len - i);
            c = 0xFFFD;
        }
        buf_utf8(out, unicode_to_lower(c));
    }
    return out->full ? -1 : 0;
}

bool unicode_is_letter(uint32_t c)
{
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

bool unicode_is_mark(uint32_t c)
{
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME;
}

bool unicode_is_nonspacing(uint32_t c)
{
    return category(c) == UTF8PROC_CATEGORY_MN;
}

bool unicode_is_number(uint32_t c)
{
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

bool unicode_is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

bool unicode_is_punctuation(uint32_t c)
{
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

bool unicode_is_symbol(uint32_t c)
{
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_SM && k <= UTF8PROC_CATEGORY_SO;
}

bool unicode_is_control(uint32_t c)
{
    utf8proc_category_t k = category(c);
    if (c == '\t' || c == '\n' || c == '\r')
        return false;
    return k >= UTF8PROC_CATEGORY_CC;
}

int unicode_width(uint32_t c)
{
    if (c < 0x7F)
        return c >= 0x20;
    return c <= 0x10FFFF ? utf8proc_charwidth((utf8proc_int32_t)c) : 0;
}

uint32_t unicode_to_lower(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return c <= 0x10FFFF ? (uint32_t)utf8proc_tolower((utf8proc_int32_t)c) : c;
}

uint32_t unicode_to_upper(uint32_t c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? c - 32 : c;
    return c <= 0x10FFFF ? (uint32_t)utf8proc_toupper((utf8proc_int32_t)c) : c;
}

const char *unicode_library(void)
{
    return utf8proc_version();
}
