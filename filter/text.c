#include "filter/text.h"

#include <string.h>

static inline unsigned char lower(char c)
{
    const unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? u | 0x20 : u;
}

static inline bool alnum(char c)
{
    const unsigned char u = lower(c);
    return (u >= 'a' && u <= 'z') || (u >= '0' && u <= '9');
}

/* Do the bytes at s[at] spell the literal, with word boundaries where they are called for? */
static bool matches(struct slice s, size_t at, const char *literal, size_t n)
{
    if (s.len - at < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(s.data[at + i]) != (unsigned char)literal[i])
            return false;
    if (alnum(literal[0]) && at > 0 && alnum(s.data[at - 1]))
        return false;
    return !(alnum(literal[n - 1]) && at + n < s.len && alnum(s.data[at + n]));
}

bool text_starts(struct slice s, const char *literal)
{
    return matches(s, 0, literal, strlen(literal));
}

size_t text_starts_any(struct slice s, const char *const *literals)
{
    for (; *literals != NULL; literals++)
        if (text_starts(s, *literals))
            return strlen(*literals);
    return 0;
}

/* The next place where either form of the first letter stands. */
static size_t next_first(struct slice s, size_t from, char a, char b)
{
    const char *x = memchr(s.data + from, a, s.len - from), *y = NULL;
    if (a != b)
        y = memchr(s.data + from, b, x != NULL ? (size_t)(x - s.data) - from : s.len - from);
    if (y != NULL)
        x = y;
    return x != NULL ? (size_t)(x - s.data) : s.len;
}

size_t text_find(struct slice s, const char *literal, size_t from)
{
    const size_t n = strlen(literal);
    const char a = literal[0];
    const char b = a >= 'a' && a <= 'z' ? (char)(a - 32) : a;
    while (from < s.len) {
        from = next_first(s, from, a, b);
        if (from < s.len && matches(s, from, literal, n))
            return from;
        from++;
    }
    return s.len;
}

bool text_has(struct slice s, const char *literal)
{
    return text_find(s, literal, 0) < s.len;
}

bool text_has_any(struct slice s, const char *const *literals)
{
    for (; *literals != NULL; literals++)
        if (text_has(s, *literals))
            return true;
    return false;
}

bool text_asked(const struct row *row, const char *const *literals)
{
    for (size_t i = 0; i < row->n_prompt; i++)
        if (text_has_any(row->prompt[i], literals))
            return true;
    return false;
}

bool text_line(struct slice s, size_t *at, struct slice *line)
{
    const char *end;
    if (*at >= s.len)
        return false;
    end = memchr(s.data + *at, '\n', s.len - *at);
    line->data = s.data + *at;
    line->len = end != NULL ? (size_t)(end - line->data) : s.len - *at;
    *at += line->len + (end != NULL);
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

struct slice text_skip_space(struct slice s)
{
    while (s.len > 0 && (*s.data == ' ' || (*s.data >= '\t' && *s.data <= '\r'))) {
        s.data++;
        s.len--;
    }
    return s;
}

/* Backticks before the place on its line: an odd number says it is inside. */
static bool in_backticks(struct slice s, size_t at)
{
    bool in = false;
    while (at > 0 && s.data[at - 1] != '\n') {
        at--;
        if (s.data[at] == '`' && (at == 0 || s.data[at - 1] != '`'))
            in = !in;
    }
    return in;
}

bool text_in_code(struct slice s, size_t at)
{
    struct slice line;
    bool in = false;
    size_t from = 0;
    if (s.len == 0 || memchr(s.data, '`', s.len) == NULL)
        return s.len > 0 && text_find(s, "~~~", 0) < at && text_find(s, "~~~", at) < s.len;
    while (from <= at && text_line(s, &from, &line)) {
        const struct slice t = text_skip_space(line);
        if (from > at && (size_t)(line.data - s.data) + line.len >= at)
            break;
        if (t.len >= 3 && (memcmp(t.data, "```", 3) == 0 || memcmp(t.data, "~~~", 3) == 0))
            in = !in;
    }
    return in || in_backticks(s, at);
}
