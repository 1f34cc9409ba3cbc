#include "core/slice.h"

#include <string.h>

struct slice slice_of(const char *text)
{
    return (struct slice){text, text != NULL ? strlen(text) : 0};
}

struct slice slice_from(const void *data, size_t len)
{
    return (struct slice){data, len};
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_of(text));
}

int slice_compare(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n != 0 ? memcmp(a.data, b.data, n) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool slice_starts(struct slice a, const char *prefix)
{
    size_t n = strlen(prefix);
    return a.len >= n && memcmp(a.data != NULL ? a.data : "", prefix, n) == 0;
}

bool slice_ends(struct slice a, const char *suffix)
{
    size_t n = strlen(suffix);
    return a.len >= n && (n == 0 || memcmp(a.data + a.len - n, suffix, n) == 0);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim(struct slice a)
{
    while (a.len != 0 && is_space(a.data[0])) {
        a.data++;
        a.len--;
    }
    while (a.len != 0 && is_space(a.data[a.len - 1]))
        a.len--;
    return a;
}

struct slice slice_sub(struct slice a, size_t from, size_t len)
{
    if (from > a.len)
        from = a.len;
    if (len > a.len - from)
        len = a.len - from;
    return (struct slice){a.data ? a.data + from : NULL, len};
}

size_t slice_find(struct slice a, struct slice needle)
{
    const char *p = a.data;
    size_t left = a.len;
    if (needle.len == 0)
        return 0;
    while (left >= needle.len) {
        const char *hit = memchr(p, needle.data[0], left - needle.len + 1);
        if (hit == NULL)
            break;
        if (memcmp(hit, needle.data, needle.len) == 0)
            return (size_t)(hit - a.data);
        left -= (size_t)(hit - p) + 1;
        p = hit + 1;
    }
    return a.len;
}
