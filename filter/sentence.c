#include "filter/sentence.h"

#include "filter/kernels/literals.h"
#include "filter/letters.h"
#include "filter/measure.h"

#include <pthread.h>
#include <string.h>

static const char *const abbreviations[] = {"mr",  "mrs", "ms",  "dr",  "prof", "st",   "vs",
                                            "no",  "etc", "inc", "ltd", "co",   "corp", "jr",
                                            "sr",  "e.g", "i.e", "u.s", "u.k",  "gov",  "sen",
                                            "rep", "gen", "col", "lt",  "fig",  "vol",  "approx",
                                            "al",  "cf",  "p",   "pp",  "a.m",  "p.m",  "jan",
                                            "feb", "mar", "apr", "aug", "sept", "oct",  "nov",
                                            "dec", "mt",  "ft",  NULL};

/* The code point that ends at `end`, and its length. */
static uint32_t before(struct slice s, size_t end, size_t *len)
{
    size_t at = end;
    uint32_t code = 0;
    do
        at--;
    while (at > 0 && ((unsigned char)s.data[at] & 0xC0) == 0x80 && end - at < 4);
    const unsigned char *p = (const unsigned char *)s.data;
    *len = letters_decode(p + at, p + end, &code);
    if (*len == end - at)
        return code;
    *len = 1; /* no UTF-8 */
    return 0xFFFD;
}

static bool closer(uint32_t c)
{
    switch (c) {
    case '"':
    case '\'':
    case ')':
    case ']':
    case '}':
    case '*':
    case '_':
    case '`':
    case '>':
    case 0x201D:
    case 0x2019:
    case 0xBB:
    case 0x300D:
    case 0x300F:
    case 0xFF09:
    case 0x300B:
    case 0x3011: return true;
    default: return false;
    }
}

static bool full_stop(uint32_t c)
{
    switch (c) {
    case '.':
    case '!':
    case '?':
    case 0x2026:
    case 0x3002:
    case 0xFF01:
    case 0xFF1F:
    case 0xFF0E:
    case 0x0964:
    case 0x061F:
    case 0x06D4:
    case 0x203D: return true;
    default: return false;
    }
}

bool sentence_closed(struct slice s)
{
    size_t end = s.len, len = 0;
    while (end > 0) {
        const uint32_t c = before(s, end, &len);
        if (full_stop(c) || c == ':' || c == ';' || c == 0xFF1A || c == 0xFF1B)
            return true;
        if (!closer(c) && !(letters_of(c) & LETTER_SPACE))
            return false;
        end -= len;
    }
    return false;
}

/* The word (letters and inner stops) that ends at `end`. */
static struct slice word_before(struct slice s, size_t end)
{
    size_t at = end;
    while (at > 0) {
        const char c = s.data[at - 1];
        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '.' && !(c >= '0' && c <= '9') &&
            (unsigned char)c < 0x80)
            break;
        at--;
    }
    return slice_sub(s, at, end - at);
}

/* Is the '.' at `at` part of a number, an initial or an abbreviation? */
static bool inner_stop(struct slice s, size_t at)
{
    const struct slice w = word_before(s, at);
    char low[8];
    if (w.len == 0)
        return false;
    if (w.data[w.len - 1] >= '0' && w.data[w.len - 1] <= '9') { /* "2." of a list, not "is 41." */
        const size_t from = (size_t)(w.data - s.data);
        return from == 0 || s.data[from - 1] == '\n';
    }
    if (w.len == 1)
        return true;
    if (w.len >= sizeof low)
        return false;
    for (size_t i = 0; i < w.len; i++)
        low[i] = (char)(w.data[i] >= 'A' && w.data[i] <= 'Z' ? w.data[i] | 0x20 : w.data[i]);
    low[w.len] = '\0';
    for (size_t i = 0; abbreviations[i] != NULL; i++)
        if (low[0] == abbreviations[i][0] && strcmp(low, abbreviations[i]) == 0)
            return true;
    return false;
}

static bool wide_stop(const unsigned char *p, size_t left)
{
    return left >= 3 && (memcmp(p, "\xE3\x80\x82", 3) == 0 || memcmp(p, "\xEF\xBC\x81", 3) == 0 ||
                         memcmp(p, "\xEF\xBC\x9F", 3) == 0);
}

/* Behind the stop: closers, then for Latin a blank and a capital, digit, quote or wide letter. */
static bool starts_next(struct slice s, size_t *at, bool wide)
{
    const unsigned char *p = (const unsigned char *)s.data, *end = p + s.len;
    size_t i = *at, blanks = 0;
    uint32_t c = 0;
    size_t len = 0;
    while (i < s.len && (len = letters_decode(p + i, end, &c)) > 0 && closer(c))
        i += len;
    *at = i;
    while (i < s.len && (p[i] == ' ' || p[i] == '\t')) {
        i++;
        blanks++;
    }
    if (i >= s.len || letters_decode(p + i, end, &c) == 0)
        return false;
    if (wide)
        return true;
    return blanks > 0 && ((letters_of(c) & (LETTER_UPPER | LETTER_NUMBER | LETTER_BIGRAM)) ||
                          c == '"' || c == 0x201C || c == '(');
}

/* Where a sentence may end. */
static const char *const stops[] = {".", "!", "?", "。", "！", "？", NULL};
static struct literals may_stop;
static literals_fn *next_stop;
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make(void)
{
    literals_make(&may_stop, stops);
    next_stop = literals_best()->next;
}

size_t sentence_next(struct slice s, size_t from)
{
    const unsigned char *p = (const unsigned char *)s.data;
    pthread_once(&made, make);
    for (size_t i = from; (i = next_stop(&may_stop, p, s.len, i)) < s.len; i++) {
        const bool wide = p[i] >= 0xE3;
        if (wide ? !wide_stop(p + i, s.len - i) : p[i] != '.' && p[i] != '!' && p[i] != '?')
            continue;
        if (p[i] == '.' && inner_stop(s, i))
            continue;
        size_t at = i + (wide ? 3 : 1);
        while (at < s.len && (p[at] == '.' || p[at] == '!' || p[at] == '?'))
            at++;
        if (starts_next(s, &at, wide))
            return at;
    }
    return s.len;
}

size_t sentence_words(struct slice text)
{
    return measure_tokens(text);
}
