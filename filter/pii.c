#include "filter/pii.h"

#include "filter/text.h"

#include <string.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool word(char c)
{
    return digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

static bool email(struct slice s, struct pii *h)
{
    static const char *const none[] = {"example.",     "test.",    "domain.", "email.",
                                       "yourcompany.", "company.", NULL};
    for (size_t at = 0; at < s.len; at++) {
        const char *sign = memchr(s.data + at, '@', s.len - at);
        if (sign == NULL)
            return false;
        at = (size_t)(sign - s.data);
        size_t from = at, to = at + 1, dot = 0;
        while (from > 0 && (word(s.data[from - 1]) || strchr(".+-", s.data[from - 1]) != NULL))
            from--;
        while (to < s.len && (word(s.data[to]) || s.data[to] == '-' || s.data[to] == '.')) {
            to++;
        }
        while (to > at && (s.data[to - 1] == '.' || s.data[to - 1] == '-'))
            to--;
        for (size_t i = at + 1; i < to; i++)
            dot = s.data[i] == '.' ? i : dot;
        if (from == at || !word(s.data[from]) || dot == 0 || to < dot + 3)
            continue;
        const struct slice domain = slice_sub(s, at + 1, to - at - 1);
        bool made_up = false;
        for (const char *const *n = none; *n != NULL; n++)
            made_up |= slice_starts(domain, *n);
        if (made_up)
            continue;
        *h = (struct pii){"an e-mail address", "[EMAIL]", from, to};
        return true;
    }
    return false;
}

static bool luhn(const char *digits, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(digits[n - 1 - i] - '0');
        if (i & 1)
            d = d > 4 ? 2 * d - 9 : 2 * d;
        sum += d;
    }
    return sum % 10 == 0;
}

static bool public_ip(struct slice s, struct pii *h)
{
    unsigned part[4] = {0};
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        size_t n = 0;
        while (at < s.len && digit(s.data[at]) && n < 4)
            part[i] = 10 * part[i] + (unsigned)(s.data[at++] - '0'), n++;
        if (n == 0 || n > 3 || part[i] > 255 || (i < 3 && (at >= s.len || s.data[at++] != '.')))
            return false;
    }
    if (at < s.len && (s.data[at] == '.' || word(s.data[at])) && at + 1 < s.len &&
        word(s.data[at + 1]))
        return false;
    const bool reserved = part[0] == 10 || part[0] == 127 || part[0] == 0 || part[0] >= 224 ||
                          (part[0] == 172 && part[1] >= 16 && part[1] < 32) ||
                          (part[0] == 192 && (part[1] == 168 || part[1] == 0)) ||
                          (part[0] == 198 && part[1] == 51) || (part[0] == 203 && part[1] == 0) ||
                          (part[0] == 169 && part[1] == 254) || part[0] < 3;
    *h = (struct pii){"a public IP address", "[IP_ADDRESS]", 0, at};
    return !reserved;
}

/* Digits with blanks, hyphens, dots and brackets between them, as cards and telephones have. */
static bool number(struct slice s, struct pii *h)
{
    char digits[24];
    size_t n = 0, at = 0, end = 0, groups = 0;
    const bool plus = s.data[0] == '+';
    for (at = plus; at < s.len && n < 20; at++) {
        if (digit(s.data[at])) {
            groups += at == 0 || !digit(s.data[at - 1]);
            digits[n++] = s.data[at];
            end = at + 1;
        } else if (strchr(" -.()", s.data[at]) == NULL || s.data[at] == '\0' || at - end > 1) {
            break;
        }
    }
    if (n >= 13 && n <= 19 && (groups == 1 || groups == 4) && strchr("3456", digits[0]) != NULL &&
        luhn(digits, n)) {
        *h = (struct pii){"a payment card number", "[CARD]", 0, end};
        return true;
    }
    const bool phone = (plus && n >= 9 && n <= 15) || (n == 10 && groups == 3 && end <= 14);
    const bool made_up =
        n >= 7 && (memcmp(digits + n - 7, "555", 3) == 0 || memcmp(digits, "555", 3) == 0);
    *h = (struct pii){"a telephone number", "[PHONE]", 0, end};
    return phone && !made_up;
}

static bool secret(struct slice s, struct pii *h)
{
    static const struct {
        const char *start;
        size_t least;
    } keys[] = {{"sk-", 24},        {"AKIA", 20}, {"ghp_", 36},   {"xoxb-", 24},
                {"-----BEGIN", 24}, {"AIza", 35}, {"glpat-", 20}, {"hf_", 30}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t n = strlen(keys[i].start);
        if (!slice_starts(s, keys[i].start))
            continue;
        while (n < s.len && (word(s.data[n]) || s.data[n] == '-' || (i == 4 && s.data[n] == ' ')))
            n++;
        if (n < keys[i].least)
            continue;
        *h = (struct pii){"a key or secret", "[SECRET]", 0, n};
        return true;
    }
    return false;
}

/* The first of those that are told from their first byte. */
static bool numbers_and_keys(struct slice s, size_t from, struct pii *h)
{
    for (size_t at = from; at < s.len; at++) {
        const char c = s.data[at];
        const struct slice rest = slice_sub(s, at, s.len - at);
        if (at > 0 && (word(s.data[at - 1]) || s.data[at - 1] == '.' || s.data[at - 1] == '+'))
            continue;
        if (((digit(c) || c == '+') && (public_ip(rest, h) || number(rest, h))) ||
            (strchr("sAgx-h", c) != NULL && c != '\0' && secret(rest, h))) {
            h->from += at;
            h->to += at;
            return true;
        }
    }
    return false;
}

bool pii_next(struct slice text, size_t from, struct pii *out)
{
    struct pii mail, other;
    const struct slice rest = slice_sub(text, from, text.len - from);
    const bool has_mail = rest.len > 0 && email(rest, &mail);
    const bool has_other = numbers_and_keys(text, from, &other);
    if (has_mail) {
        mail.from += from;
        mail.to += from;
    }
    if (has_mail && (!has_other || mail.from <= other.from))
        *out = mail;
    else if (has_other)
        *out = other;
    return has_mail || has_other;
}

size_t pii_mask(struct slice text, struct buf *out)
{
    struct pii h;
    size_t at = 0, n = 0;
    while (pii_next(text, at, &h)) {
        buf_add(out, text.data + at, h.from - at);
        buf_str(out, h.tag);
        at = h.to;
        n++;
    }
    buf_add(out, text.data + at, text.len - at);
    return n;
}
