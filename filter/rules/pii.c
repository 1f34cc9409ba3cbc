/*
 * Personal data and secrets in prompt or reply: e-mail addresses, telephone numbers, public IPv4
 * addresses, payment cards (Luhn), keys and tokens.  Example domains, reserved numbers and private
 * networks are none.  Flagged unless the recipe says "remove".
 */
#include "filter/rules.h"
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

struct hit {
    const char *what;
    size_t from, to;
};

static bool email(struct slice s, struct hit *h)
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
        *h = (struct hit){"an e-mail address", from, to};
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

static bool public_ip(struct slice s, struct hit *h)
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
    *h = (struct hit){"a public IP address", 0, at};
    return !reserved;
}

/* Digits with blanks, hyphens, dots and brackets between them, as cards and telephones have. */
static bool number(struct slice s, struct hit *h)
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
        *h = (struct hit){"a payment card number", 0, end};
        return true;
    }
    const bool phone = (plus && n >= 9 && n <= 15) || (n == 10 && groups == 3 && end <= 14);
    const bool made_up =
        n >= 7 && (memcmp(digits + n - 7, "555", 3) == 0 || memcmp(digits, "555", 3) == 0);
    *h = (struct hit){"a telephone number", 0, end};
    return phone && !made_up;
}

static bool secret(struct slice s, struct hit *h)
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
        *h = (struct hit){"a key or secret", 0, n};
        return true;
    }
    return false;
}

static bool find(struct slice s, struct hit *h)
{
    if (s.len > 0 && email(s, h))
        return true;
    for (size_t at = 0; at < s.len; at++) {
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

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct slice texts[] = {row->output, row->sample->instruction, row->sample->input};
    static const char *const fields[] = {"output", "instruction", "input"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct hit h;
        if (!find(texts[i], &h))
            continue;
        finding_span(out, fields[i], h.from, h.to);
        finding_why(out, "%s at byte %zu of the %s", h.what, h.from, fields[i]);
        return true;
    }
    return false;
}

const struct filter_rule rule_pii = {
    .name = "pii",
    .version = 1,
    .action = VERDICT_FLAG,
    .summary = "it holds personal data or a secret",
    .judge = judge,
};
