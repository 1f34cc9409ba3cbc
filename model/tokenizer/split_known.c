/*
 * Hand-written matchers for the split patterns of well-known models.  Each returns the length of
 * the first match of its pattern at the beginning of the text, as a backtracking engine would
 * find it; the patterns match every text, so the words cover it.  tests/model compares them with
 * PCRE2 on the same pattern.
 *
 * GPT-2:      's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * cl100k's    (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,k}
 * family:     | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+         (Qwen k=1, Llama-3 k=3)
 */
#include "model/tokenizer/parts.h"

#include <string.h>

enum { LNS = CLASS_LETTER | CLASS_NUMBER | CLASS_SPACE };

static inline unsigned class_at(const char *p, size_t *len)
{
    uint32_t c;
    if ((unsigned char)*p < 128) {
        *len = 1;
        return class_ascii[(unsigned char)*p];
    }
    *len = char_decode(p, &c);
    return class_of(c);
}

/* The end of the run of characters whose LNS class is `want` (0: none of the three). */
static inline size_t run(const char *p, size_t at, size_t len, unsigned want)
{
    while (at < len) {
        size_t n;
        if ((class_at(p + at, &n) & LNS) != want)
            break;
        at += n;
    }
    return at;
}

/* 's 't 'm 'd 're 've 'll: length with the apostrophe, 0 none.  U+017F folds to s. */
static size_t contraction(const char *p, size_t len, bool fold)
{
    char a, b;
    if (len < 2)
        return 0;
    a = p[1];
    b = len > 2 ? p[2] : '\0';
    if (fold) {
        if (len > 2 && a == '\xC5' && b == '\xBF')
            return 3;
        a = a >= 'A' && a <= 'Z' ? (char)(a + 32) : a;
        b = b >= 'A' && b <= 'Z' ? (char)(b + 32) : b;
    }
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
        return 3;
    return 0;
}

/* White space at the front: `\s+(?!\S)|\s+`: the run, without its last character where more text
 * follows, unless that would leave nothing. */
static size_t blanks(const char *p, size_t len)
{
    size_t at = 0, last = 0, n;
    while (at < len && (class_at(p + at, &n) & CLASS_SPACE) != 0) {
        last = at;
        at += n;
    }
    return at == len || last == 0 ? at : last;
}

static size_t match_gpt2(const char *p, size_t len)
{
    size_t n, skip = 0;
    unsigned k = class_at(p, &n);
    if (*p == '\'') {
        size_t c = contraction(p, len, false);
        if (c != 0)
            return c;
    }
    if (*p == ' ' && len > 1) {
        unsigned next = class_at(p + 1, &n);
        if ((next & CLASS_SPACE) == 0) {
            skip = 1;
            k = next;
        }
    }
    if (skip == 0 && (k & CLASS_SPACE) != 0)
        return blanks(p, len);
    return run(p, skip + n, len, k & LNS);
}

/* `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last newline of the white space, else as blanks. */
static size_t lines_or_blanks(const char *p, size_t len)
{
    size_t at = 0, newline = 0, n;
    while (at < len && (class_at(p + at, &n) & CLASS_SPACE) != 0) {
        if (p[at] == '\n' || p[at] == '\r')
            newline = at + 1;
        at += n;
    }
    return newline != 0 ? newline : blanks(p, len);
}

static inline size_t punctuation_lines(const char *p, size_t at, size_t len)
{
    at = run(p, at, len, 0);
    while (at < len && (p[at] == '\r' || p[at] == '\n'))
        at++;
    return at;
}

static inline size_t match_cl100k(const char *p, size_t len, int digits)
{
    size_t n, m;
    unsigned k = class_at(p, &n);
    if (*p == '\'') {
        size_t c = contraction(p, len, true);
        if (c != 0)
            return c;
    }
    if ((k & CLASS_LETTER) != 0)
        return run(p, n, len, CLASS_LETTER);
    if ((k & CLASS_NUMBER) != 0) {
        size_t at = n;
        for (int i = 1; i < digits && at < len; i++) {
            if ((class_at(p + at, &m) & CLASS_NUMBER) == 0)
                break;
            at += m;
        }
        return at;
    }
    if (*p != '\r' && *p != '\n' && n < len && (class_at(p + n, &m) & CLASS_LETTER) != 0)
        return run(p, n + m, len, CLASS_LETTER);
    if ((k & CLASS_SPACE) == 0)
        return punctuation_lines(p, n, len);
    if (*p == ' ' && len > 1 && (class_at(p + 1, &m) & LNS) == 0)
        return punctuation_lines(p, 1 + m, len);
    return lines_or_blanks(p, len);
}

static size_t match_cl100k_1(const char *p, size_t len)
{
    return match_cl100k(p, len, 1);
}

static size_t match_cl100k_3(const char *p, size_t len)
{
    return match_cl100k(p, len, 3);
}

/* Blanks (U+2581), then everything up to the next one. */
size_t split_before_blanks(const char *p, size_t len)
{
    size_t at = 0;
    while (at + 3 <= len && memcmp(p + at, "\xE2\x96\x81", 3) == 0)
        at += 3;
    while (at < len) {
        const char *lead = memchr(p + at, '\xE2', len - at);
        if (lead == NULL)
            return len;
        at = (size_t)(lead - p);
        if (at + 3 <= len && memcmp(lead, "\xE2\x96\x81", 3) == 0)
            return at;
        at++;
    }
    return len;
}

const char *const split_known_gpt2 =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

#define CL100K(digits)                                                                             \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits                           \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const struct {
    const char *pattern, *name;
    split_matcher *matcher;
} known[] = {
    {CL100K("\\p{N}"), "qwen2", match_cl100k_1},
    {CL100K("\\p{N}{1,3}"), "llama-bpe", match_cl100k_3},
    {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", "gpt-2",
     match_gpt2},
    {"'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", "gpt-2",
     match_gpt2},
    {NULL, NULL, NULL},
};

split_matcher *split_known(const char *pattern, const char **name)
{
    for (size_t i = 0; known[i].pattern != NULL; i++)
        if (strcmp(known[i].pattern, pattern) == 0) {
            *name = known[i].name;
            return known[i].matcher;
        }
    return NULL;
}

const char *split_pattern_named(struct slice name)
{
    for (size_t i = 0; known[i].pattern != NULL; i++)
        if (slice_is(name, known[i].name))
            return known[i].pattern;
    return NULL;
}
