#include "core/prose.h"

#include "core/regex.h"
#include "core/unicode.h"

#include <string.h>

size_t prose_matches(struct slice text, const char *pattern, unsigned flags)
{
    struct regex *r = regex_compile(pattern, flags, NULL);
    struct regex_match *m = r != NULL ? regex_match_new(r) : NULL;
    size_t n = 0, from = 0, begin, end;
    while (m != NULL && from <= text.len && regex_find(r, text, from, m, NULL) == 1 &&
           regex_group(m, 0, &begin, &end)) {
        n++;
        from = end > begin ? end : end + 1;
    }
    regex_match_free(m);
    regex_free(r);
    return n;
}

size_t prose_words(struct slice text)
{
    return prose_matches(text, "\\w+", 0);
}

/* --- sentences ---------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool is_closer(char c)
{
    return c != '\0' && strchr("\"')]}*_", c) != NULL;
}

static bool is_abbreviation(struct slice word)
{
    static const char list[] = " mr mrs ms dr prof sr jr st vs etc e.g i.e u.s u.k a.m p.m inc ltd "
                               "co corp no dept gen sen "
                               "rep gov jan feb mar apr jun jul aug sep sept oct nov dec mt ft fig "
                               "vol p.s ph.d b.a m.a u.n "
                               "d.c ";
    char key[24];
    if (word.len == 0 || word.len > sizeof key - 3)
        return false;
    if (word.len == 1 && ((word.data[0] | 32) >= 'a' && (word.data[0] | 32) <= 'z') &&
        word.data[0] != 'I')
        return true; /* an initial */
    key[0] = ' ';
    for (size_t i = 0; i < word.len; i++)
        key[i + 1] =
            word.data[i] >= 'A' && word.data[i] <= 'Z' ? (char)(word.data[i] + 32) : word.data[i];
    key[word.len + 1] = ' ';
    key[word.len + 2] = '\0';
    return strstr(list, key) != NULL;
}

/* The word that ends before `at`, without what opens it. */
static struct slice word_before(struct slice text, size_t at)
{
    size_t from = at;
    while (from > 0 && !is_space(text.data[from - 1]))
        from--;
    while (from < at && strchr("\"'([{*_", text.data[from]) != NULL)
        from++;
    return slice_sub(text, from, at - from);
}

size_t prose_sentences(struct slice text)
{
    size_t n = 0, i = 0;
    bool open = false; /* something stands since the last end */
    text = slice_trim(text);
    while (i < text.len) {
        char c = text.data[i];
        size_t end = i + 1;
        if (c != '.' && c != '?' && c != '!') {
            open = open || !is_space(c);
            i++;
            continue;
        }
        while (end < text.len && strchr(".?!", text.data[end]) != NULL)
            end++;
        while (end < text.len && is_closer(text.data[end]))
            end++;
        if ((end == text.len || is_space(text.data[end])) &&
            !(c == '.' && end == i + 1 && end < text.len &&
              is_abbreviation(word_before(text, i)))) {
            n++;
            open = false;
        } else {
            open = true;
        }
        i = end;
    }
    return n + open;
}

/* --- case --------------------------------------------------------------------------------- */

/* Whether letters of upper, lower case occur. */
static void cases(struct slice text, bool *upper, bool *lower)
{
    *upper = *lower = false;
    for (size_t i = 0; i < text.len;) {
        uint32_t c = 0;
        size_t n = utf8_decode(text.data + i, text.len - i, &c);
        i += n != 0 ? n : 1;
        if (n == 0)
            continue;
        *upper = *upper || unicode_to_lower(c) != c;
        *lower = *lower || (unicode_to_upper(c) != c && unicode_to_lower(c) == c);
    }
}

bool prose_is_upper(struct slice text)
{
    bool upper, lower;
    cases(text, &upper, &lower);
    return upper && !lower;
}

bool prose_is_lower(struct slice text)
{
    bool upper, lower;
    cases(text, &upper, &lower);
    return lower && !upper;
}

static bool is_cut(char c)
{
    return c != '\0' && strchr(" \n\t\r?!()[]{}<>\",;:@#$%&", c) != NULL;
}

/* A token behind its contraction ('S, N'T, 'LL …) counts on its own. */
static size_t count_token(struct slice token)
{
    static const char *const tails[] = {"N'T", "'LL", "'RE", "'VE", "'S", "'M", "'D"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        if (token.len > strlen(tails[i]) && slice_ends(token, tails[i]))
            return 1 + prose_is_upper(slice_sub(token, 0, token.len - strlen(tails[i])));
    return prose_is_upper(token) ? 1 : 0;
}

size_t prose_capital_words(struct slice text)
{
    size_t n = 0, from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        bool dashes = i + 1 < text.len && text.data[i] == '-' && text.data[i + 1] == '-';
        if (i < text.len && !is_cut(text.data[i]) && !dashes)
            continue;
        if (i > from)
            n += count_token(slice_sub(text, from, i - from));
        from = i + 1;
    }
    return n;
}

/* --- parts -------------------------------------------------------------------------------- */

struct slice prose_part(struct slice text, const char *separator, size_t n)
{
    struct slice sep = slice_of(separator);
    for (;; n--) {
        size_t at = slice_find(text, sep);
        if (n == 0)
            return slice_sub(text, 0, at);
        if (at == text.len)
            return (struct slice){NULL, 0};
        text = slice_sub(text, at + sep.len, text.len);
    }
}

size_t prose_parts(struct slice text, const char *separator)
{
    struct slice sep = slice_of(separator);
    size_t n = 1, at;
    while ((at = slice_find(text, sep)) != text.len) {
        text = slice_sub(text, at + sep.len, text.len);
        n++;
    }
    return n;
}
