/* The byte level of core/unicode.h: no tables, no foreign library. */
#include "core/unicode.h"

#include <string.h>

#define BAD UINT32_MAX

static const uint64_t high_bits = 0x8080808080808080U;

/* Take the sequence at p[0]: its length and code point, or BAD and the length of the maximal
 * invalid part (Unicode 3.9, table 3-7). */
static size_t take(const char *data, size_t len, uint32_t *code)
{
    const unsigned char *p = (const unsigned char *)data;
    unsigned char low = 0x80, high = 0xBF;
    size_t more;
    uint32_t value;
    *code = p[0];
    if (p[0] < 0x80)
        return 1;
    *code = BAD;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 1;
    more = p[0] < 0xE0 ? 1 : p[0] < 0xF0 ? 2 : 3;
    low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : low;
    high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : high;
    value = p[0] & (0x3FU >> more);
    for (size_t i = 1; i <= more; i++) {
        if (i >= len || p[i] < low || p[i] > high)
            return i;
        value = value << 6 | (p[i] & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    *code = value;
    return more + 1;
}

/* Length of the ASCII run at the head. */
static size_t ascii_run(const char *data, size_t len)
{
    size_t i = 0;
    uint64_t word;
    for (; i + 8 <= len; i += 8) {
        memcpy(&word, data + i, 8);
        if ((word & high_bits) != 0)
            break;
    }
    while (i < len && (unsigned char)data[i] < 0x80)
        i++;
    return i;
}

size_t utf8_first_bad(struct slice s)
{
    size_t i = 0;
    uint32_t code;
    while (i < s.len) {
        if ((unsigned char)s.data[i] < 0x80) {
            i += ascii_run(s.data + i, s.len - i);
            continue;
        }
        size_t n = take(s.data + i, s.len - i, &code);
        if (code == BAD)
            return i;
        i += n;
    }
    return s.len;
}

bool utf8_valid(struct slice s)
{
    return utf8_first_bad(s) == s.len;
}

size_t utf8_bad_length(const char *data, size_t len)
{
    uint32_t code;
    size_t n = len != 0 ? take(data, len, &code) : 0;
    return n != 0 && code == BAD ? n : 0;
}

int utf8_repair(struct slice s, struct buf *out)
{
    while (s.len != 0) {
        size_t good = utf8_first_bad(s);
        buf_add(out, s.data, good);
        s = slice_sub(s, good, s.len);
        if (s.len != 0) {
            buf_utf8(out, 0xFFFD);
            s = slice_sub(s, utf8_bad_length(s.data, s.len), s.len);
        }
    }
    return out->full ? -1 : 0;
}

size_t utf8_decode(const char *data, size_t len, uint32_t *code)
{
    uint32_t value;
    size_t n;
    if (len == 0)
        return 0;
    n = take(data, len, &value);
    if (value == BAD)
        return 0;
    *code = value;
    return n;
}

size_t utf8_count(struct slice s)
{
    size_t i = 0, count = 0;
    uint32_t code;
    while (i < s.len) {
        size_t n = ascii_run(s.data + i, s.len - i);
        count += n;
        i += n;
        if (i < s.len) {
            n = take(s.data + i, s.len - i, &code);
            count += code == BAD ? n : 1;
            i += n;
        }
    }
    return count;
}
