/*
 * Encoding damage: U+FFFD, control characters, invalid UTF-8, and UTF-8 that was read as
 * Windows-1252 ("Ã©", "â€™").  Two such pairs are needed: one may be meant.
 */
#include "filter/letters.h"
#include "filter/rules.h"
#include "filter/text.h"

#include <string.h>

/* The first damage of a kind that needs no second. */
static const char *broken_at(struct slice s, size_t *at, size_t *pairs)
{
    const unsigned char *p = (const unsigned char *)s.data, *end = p + s.len;
    uint32_t before = 0, c = 0;
    for (size_t i = 0, len; i < s.len; i += len, before = c) {
        *at = i;
        len = text_plain_prefix(s, i) - i;
        if (len > 0) {
            c = ' ';
            continue;
        }
        len = letters_decode(p + i, end, &c);
        if (len == 0)
            return "bytes that are no UTF-8";
        if (c == 0xFFFD)
            return "a replacement character";
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') ||
            (c >= 0x7F && c < 0xA0 && c != 0x85))
            return "a control character";
        /* Lead bytes C3 C2 E2 as letters, behind them what continuation bytes become. */
        if ((before == 0xC3 || before == 0xC2) && c >= 0xA0 && c <= 0xBF)
            ++*pairs;
        else if (before == 0xE2 && c == 0x20AC)
            ++*pairs;
    }
    return NULL;
}

static bool damaged(struct slice s, const char *field, struct finding *out)
{
    size_t at = 0, pairs = 0;
    const char *what;
    if (text_plain_prefix(s, 0) == s.len)
        return false;
    what = broken_at(s, &at, &pairs);
    if (what == NULL && pairs < 2)
        return false;
    finding_span(out, field, what != NULL ? at : 0, what != NULL ? at + 1 : s.len);
    if (what != NULL)
        finding_why(out, "%s at byte %zu of the %s", what, at, field);
    else
        finding_why(out, "UTF-8 read as Windows-1252 in %zu places of the %s", pairs, field);
    return true;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct sample *s = row->sample;
    (void)state;
    return damaged(row->output, "output", out) || damaged(s->instruction, "instruction", out) ||
           damaged(s->input, "input", out);
}

const struct filter_rule rule_encoding = {
    .name = "encoding",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the text is damaged by a wrong encoding",
    .judge = judge,
};
