#include "core/constraints.h"

#include "core/buf.h"
#include "core/langid.h"
#include "core/prose.h"
#include "core/regex.h"
#include "core/unicode.h"

#include <string.h>

/* --- arguments ---------------------------------------------------------------------------- */

static int64_t whole(const struct json *args, const char *key)
{
    int64_t n;
    return json_integer(json_get(args, key), &n) == 0 ? n : 0;
}

/* "less than" or "at least" so many. */
static bool related(size_t count, const struct json *args, const char *relation, const char *number)
{
    bool less = strcmp(json_text(json_get(args, relation), "at least"), "less than") == 0;
    int64_t n = whole(args, number);
    return less ? (int64_t)count < n : (int64_t)count >= n;
}

static struct slice text_of(const struct json *args, const char *key)
{
    struct slice s = json_string(json_get(args, key));
    return s.data != NULL ? s : SLICE("");
}

/* The text in lower case; free with buf_free. */
static struct buf lowered(struct slice text)
{
    struct buf b = BUF;
    unicode_lower(text, &b);
    return b;
}

static bool starts_with(struct slice a, struct slice prefix)
{
    return a.len >= prefix.len && slice_equal(slice_sub(a, 0, prefix.len), prefix);
}

static bool ends_with(struct slice a, struct slice tail)
{
    return a.len >= tail.len && slice_equal(slice_sub(a, a.len - tail.len, tail.len), tail);
}

/* The text without one prefix of the list, or as it is. */
static struct slice without_prefix(struct slice s, const char *prefix)
{
    return slice_starts(s, prefix) ? slice_sub(s, strlen(prefix), s.len) : s;
}

/* --- keywords ----------------------------------------------------------------------------- */

static bool keywords_existence(struct slice reply, const struct json *args)
{
    const struct json *list = json_get(args, "keywords");
    for (const struct json *k = json_first(list); k != NULL; k = json_next(k))
        if (prose_matches(reply, json_text(k, ""), REGEX_CASELESS) == 0)
            return false;
    return true;
}

static bool keywords_frequency(struct slice reply, const struct json *args)
{
    size_t n = prose_matches(reply, json_text(json_get(args, "keyword"), ""), REGEX_CASELESS);
    return related(n, args, "relation", "frequency");
}

static bool keywords_forbidden(struct slice reply, const struct json *args)
{
    const struct json *list = json_get(args, "forbidden_words");
    for (const struct json *k = json_first(list); k != NULL; k = json_next(k)) {
        struct buf pattern = BUF;
        size_t n;
        buf_printf(&pattern, "\\b%s\\b", json_text(k, ""));
        n = prose_matches(reply, buf_text(&pattern), REGEX_CASELESS);
        buf_free(&pattern);
        if (n != 0)
            return false;
    }
    return true;
}

static bool keywords_letters(struct slice reply, const struct json *args)
{
    struct buf text = lowered(reply), letter = lowered(text_of(args, "letter"));
    size_t n = letter.len != 0 ? prose_parts(buf_view(&text), buf_text(&letter)) - 1 : 0;
    buf_free(&text);
    buf_free(&letter);
    return related(n, args, "let_relation", "let_frequency");
}

/* --- language and case -------------------------------------------------------------------- */

static bool response_language(struct slice reply, const struct json *args)
{
    const char *told = langid_of(reply).guess;
    const struct slice want = text_of(args, "language"); /* "zh-cn" is "zh" */
    const size_t n = strlen(told);
    return n == 0 || (slice_starts(want, told) && (want.len == n || want.data[n] == '-'));
}

static bool english_capital(struct slice reply, const struct json *args)
{
    (void)args;
    return prose_is_upper(reply) && strcmp(langid_of(reply).guess, "en") == 0;
}

static bool english_lowercase(struct slice reply, const struct json *args)
{
    (void)args;
    return prose_is_lower(reply) && strcmp(langid_of(reply).guess, "en") == 0;
}

static bool capital_word_frequency(struct slice reply, const struct json *args)
{
    return related(prose_capital_words(reply), args, "capital_relation", "capital_frequency");
}

/* --- lengths ------------------------------------------------------------------------------ */

static bool number_sentences(struct slice reply, const struct json *args)
{
    return related(prose_sentences(reply), args, "relation", "num_sentences");
}

static bool number_words(struct slice reply, const struct json *args)
{
    return related(prose_words(reply), args, "relation", "num_words");
}

/* Parts between "***"; an empty one is forgiven at the ends only. */
static bool number_paragraphs(struct slice reply, const struct json *args)
{
    size_t parts = prose_parts(reply, "***");
    int64_t n = (int64_t)parts;
    for (size_t i = 0; i < parts; i++) {
        if (slice_trim(prose_part(reply, "***", i)).len != 0)
            continue;
        if (i != 0 && i != parts - 1)
            return false;
        n--;
    }
    return n == whole(args, "num_paragraphs");
}

static bool nth_paragraph_first_word(struct slice reply, const struct json *args)
{
    size_t parts = prose_parts(reply, "\n\n"), filled = 0, end = 0;
    int64_t nth = whole(args, "nth_paragraph");
    struct slice p;
    struct buf word, wanted;
    bool same;
    for (size_t i = 0; i < parts; i++)
        filled += slice_trim(prose_part(reply, "\n\n", i)).len != 0;
    if (nth < 1 || (uint64_t)nth > filled)
        return false;
    p = slice_trim(prose_part(reply, "\n\n", (size_t)nth - 1));
    while (p.len != 0 && p.data[0] == '\'')
        p = slice_sub(p, 1, p.len);
    while (p.len != 0 && p.data[0] == '"')
        p = slice_sub(p, 1, p.len);
    while (end < p.len && strchr(" \n\t\r.,?!'\"", p.data[end]) == NULL)
        end++;
    word = lowered(slice_sub(p, 0, end));
    wanted = lowered(text_of(args, "first_word"));
    same = slice_equal(buf_view(&word), buf_view(&wanted));
    buf_free(&word);
    buf_free(&wanted);
    return same && (int64_t)filled == whole(args, "num_paragraphs");
}

/* --- contents ----------------------------------------------------------------------------- */

static bool number_placeholders(struct slice reply, const struct json *args)
{
    return (int64_t)prose_matches(reply, "\\[.*?\\]", 0) >= whole(args, "num_placeholders");
}

static bool postscript(struct slice reply, const struct json *args)
{
    struct slice marker = text_of(args, "postscript_marker");
    struct buf text = lowered(reply), pattern = BUF, low = lowered(marker);
    size_t n;
    if (slice_is(marker, "P.P.S"))
        buf_str(&pattern, "\\s*p\\.\\s?p\\.\\s?s.*$");
    else if (slice_is(marker, "P.S."))
        buf_str(&pattern, "\\s*p\\.\\s?s\\..*$");
    else
        buf_printf(&pattern, "\\s*%s.*$", buf_text(&low));
    n = prose_matches(buf_view(&text), buf_text(&pattern), REGEX_MULTILINE);
    buf_free(&text);
    buf_free(&pattern);
    buf_free(&low);
    return n != 0;
}

/* --- formats ------------------------------------------------------------------------------ */

static bool number_bullets(struct slice reply, const struct json *args)
{
    size_t n = prose_matches(reply, "^\\s*\\*[^\\*].*$", REGEX_MULTILINE) +
               prose_matches(reply, "^\\s*-.*$", REGEX_MULTILINE);
    return (int64_t)n == whole(args, "num_bullets");
}

static bool constrained_response(struct slice reply, const struct json *args)
{
    static const char *const options[] = {"My answer is yes.", "My answer is no.",
                                          "My answer is maybe."};
    (void)args;
    for (size_t i = 0; i < 3; i++)
        if (slice_find(reply, slice_of(options[i])) != reply.len)
            return true;
    return false;
}

/* *one* and **two**: runs with something between the stars. */
static bool number_highlights(struct slice reply, const struct json *args)
{
    /* An empty run ("**") is a match that uses up its stars, as in the reference. */
    struct regex *r = regex_compile("\\*[^\\n\\*]*\\*", 0, NULL);
    struct regex_match *m = regex_match_new(r);
    size_t n = 0, from = 0, begin, end;
    while (from <= reply.len && regex_find(r, reply, from, m, NULL) == 1 &&
           regex_group(m, 0, &begin, &end)) {
        n += slice_trim(slice_sub(reply, begin + 1, end - begin - 2)).len != 0;
        from = end;
    }
    regex_match_free(m);
    regex_free(r);
    n += prose_matches(reply, "\\*\\*[^\\n\\*]*[^\\n\\*\\s][^\\n\\*]*\\*\\*", 0);
    return (int64_t)n >= whole(args, "num_highlights");
}

static bool multiple_sections(struct slice reply, const struct json *args)
{
    struct buf pattern = BUF;
    size_t n;
    buf_printf(&pattern, "\\s?%s\\s?\\d+\\s?", json_text(json_get(args, "section_spliter"), ""));
    n = prose_matches(reply, buf_text(&pattern), 0);
    buf_free(&pattern);
    return (int64_t)n >= whole(args, "num_sections");
}

static bool json_format(struct slice reply, const struct json *args)
{
    static const char *const fences[] = {"```json", "```Json", "```JSON", "```"};
    struct slice s = slice_trim(reply);
    struct json *j;
    (void)args;
    for (size_t i = 0; i < 4; i++)
        s = without_prefix(s, fences[i]);
    if (slice_ends(s, "```"))
        s = slice_sub(s, 0, s.len - 3);
    j = json_parse(slice_trim(s), 0, NULL);
    json_free(j);
    return j != NULL;
}

static bool title(struct slice reply, const struct json *args)
{
    (void)args;
    return prose_matches(reply, "<<[^\\n]*[^\\n<>\\s][^\\n]*>>", 0) != 0;
}

/* --- combinations ------------------------------------------------------------------------- */

static bool two_responses(struct slice reply, const struct json *args)
{
    size_t parts = prose_parts(reply, "******"), n = 0;
    struct slice valid[2] = {{NULL, 0}, {NULL, 0}};
    (void)args;
    for (size_t i = 0; i < parts; i++) {
        struct slice p = slice_trim(prose_part(reply, "******", i));
        if (p.len == 0 && i != 0 && i != parts - 1)
            return false;
        if (p.len != 0 && n++ < 2)
            valid[n - 1] = p;
    }
    return n == 2 && !slice_equal(valid[0], valid[1]);
}

static bool repeat_prompt(struct slice reply, const struct json *args)
{
    struct buf a = lowered(slice_trim(reply));
    struct buf b = lowered(slice_trim(text_of(args, "prompt_to_repeat")));
    bool same = starts_with(buf_view(&a), buf_view(&b));
    buf_free(&a);
    buf_free(&b);
    return same;
}

/* --- beginning and end, punctuation ------------------------------------------------------- */

static bool end_checker(struct slice reply, const struct json *args)
{
    struct slice s = slice_trim(reply);
    struct buf a, b = lowered(slice_trim(text_of(args, "end_phrase")));
    bool same;
    while (s.len != 0 && s.data[0] == '"')
        s = slice_sub(s, 1, s.len);
    while (s.len != 0 && s.data[s.len - 1] == '"')
        s.len--;
    a = lowered(s);
    same = ends_with(buf_view(&a), buf_view(&b));
    buf_free(&a);
    buf_free(&b);
    return same;
}

static bool quotation(struct slice reply, const struct json *args)
{
    struct slice s = slice_trim(reply);
    (void)args;
    return s.len > 1 && s.data[0] == '"' && s.data[s.len - 1] == '"';
}

static bool no_comma(struct slice reply, const struct json *args)
{
    (void)args;
    return slice_find(reply, SLICE(",")) == reply.len;
}

/* --- the table ---------------------------------------------------------------------------- */

const struct constraint constraints[] = {
    {"keywords:existence", keywords_existence},
    {"keywords:frequency", keywords_frequency},
    {"keywords:forbidden_words", keywords_forbidden},
    {"keywords:letter_frequency", keywords_letters},
    {"language:response_language", response_language},
    {"length_constraints:number_sentences", number_sentences},
    {"length_constraints:number_paragraphs", number_paragraphs},
    {"length_constraints:number_words", number_words},
    {"length_constraints:nth_paragraph_first_word", nth_paragraph_first_word},
    {"detectable_content:number_placeholders", number_placeholders},
    {"detectable_content:postscript", postscript},
    {"detectable_format:number_bullet_lists", number_bullets},
    {"detectable_format:constrained_response", constrained_response},
    {"detectable_format:number_highlighted_sections", number_highlights},
    {"detectable_format:multiple_sections", multiple_sections},
    {"detectable_format:json_format", json_format},
    {"detectable_format:title", title},
    {"combination:two_responses", two_responses},
    {"combination:repeat_prompt", repeat_prompt},
    {"startend:end_checker", end_checker},
    {"startend:quotation", quotation},
    {"change_case:capital_word_frequency", capital_word_frequency},
    {"change_case:english_capital", english_capital},
    {"change_case:english_lowercase", english_lowercase},
    {"punctuation:no_comma", no_comma},
    {NULL, NULL},
};

const struct constraint *constraint_find(const char *id)
{
    for (const struct constraint *c = constraints; c->id != NULL; c++)
        if (strcmp(c->id, id) == 0)
            return c;
    return NULL;
}
