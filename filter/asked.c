#include "filter/asked.h"

#include "core/langid.h"
#include "core/regex.h"
#include "filter/text.h"

#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MORE  "at least|a minimum of|minimum of|no fewer than|not less than|no less than"
#define OVER  "more than|over"
#define LESS  "less than|fewer than|under|below"
#define MOST  "at most|no more than|not more than|up to|a maximum of|maximum of|within"
#define BOUND "(" MORE "|" OVER "|" LESS "|" MOST ")"
#define NUMBER                                                                                     \
    "(\\d{1,5}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty)"
#define REPLY                                                                                      \
    "(?:your |the |an? )?(?:entire |whole )?(?:response|answer|reply|output|letter|email|essay|"   \
    "poem|song|story|review|post|article|message|summary|text)s?"
#define QUOTED "[\"'“‘]([^\"'“”‘’]{1,60})[\"'”’]"

/* What the groups of a match become. */
enum fill {
    FILL_NOTHING,
    FILL_BOUND,    /* 1 bound, 2 number: `relation` and `key` */
    FILL_SUFFIX,   /* 1 number, 2 "or more" …: likewise */
    FILL_NUMBER,   /* 1 number: `key` */
    FILL_TEXT,     /* 1 text: `key` */
    FILL_LIST,     /* 1, 2, 3 texts: an array `key` */
    FILL_WORD,     /* 1 word, 2 bound, 3 number */
    FILL_LANGUAGE, /* 1 the English name of a language */
};

struct pattern {
    const char *id, *regex;
    enum fill fill;
    const char *key, *relation;
    bool whole; /* a sentence that speaks of parts ("each paragraph") asks it of them */
};

static const struct pattern patterns[] = {
    {"length_constraints:number_words", BOUND " " NUMBER " words\\b", FILL_BOUND, "num_words",
     "relation", true},
    {"length_constraints:number_words", "\\b(\\d{1,5}) ?(\\+|or more|or less|or fewer) words\\b",
     FILL_SUFFIX, "num_words", "relation", true},
    {"length_constraints:number_words", "\\b(\\d{1,5}) words (or more|or less|or fewer)\\b",
     FILL_SUFFIX, "num_words", "relation", true},
    {"length_constraints:number_sentences", BOUND " " NUMBER " sentences\\b", FILL_BOUND,
     "num_sentences", "relation", true},
    {"detectable_format:number_bullet_lists", "exactly " NUMBER " bullet(?: point)?s?\\b",
     FILL_NUMBER, "num_bullets", NULL, true},
    {"detectable_content:number_placeholders", "at least " NUMBER " placeholders?\\b", FILL_NUMBER,
     "num_placeholders", NULL, false},
    {"detectable_format:number_highlighted_sections",
     "highlight at least " NUMBER " (?:text )?(?:sections?|parts?)\\b", FILL_NUMBER,
     "num_highlights", NULL, false},
    {"punctuation:no_comma",
     "(?:do not|don['’]t|must not|should not|without|avoid|refrain from)(?: use| using| "
     "include| including| contain)?(?: any| the use of(?: any)?)? commas?\\b|\\bno commas?(?= "
     "allowed| "
     "in your| are allowed|[.,;!]|$)",
     FILL_NOTHING, NULL, NULL, false},
    {"change_case:english_lowercase",
     "\\b(?:in|be|use|all|only)(?: \\w+){0,2} (?:lowercase|lower case)(?: letters)?\\b(?! letters? "
     "\\w+ times)|no capital letters|without (?:using )?(?:any )?capital letters",
     FILL_NOTHING, NULL, NULL, true},
    {"change_case:english_capital",
     "\\b(?:in|use|using)(?: only)? all[ -](?:capital letters|caps|capitals|uppercase(?: letters)?)"
     "(?=[.,;!]| only| and|$)|in only capital letters|(?:only|entirely) in capital letters",
     FILL_NOTHING, NULL, NULL, true},
    {"startend:quotation",
     "(?:wrap|enclose|put) " REPLY " (?:in|with|inside|within) double quot(?:ation mark|e)s?",
     FILL_NOTHING, NULL, NULL, false},
    {"detectable_format:title",
     "title,? (?:that is )?(?:wrapped|contained|enclosed)? ?in double "
     "angular brackets",
     FILL_NOTHING, NULL, NULL, false},
    {"combination:two_responses",
     "two (?:different )?(?:responses|answers|versions)[^.]{0,40} separated by (?:exactly "
     ")?(?:6|six)"
     " asterisk",
     FILL_NOTHING, NULL, NULL, false},
    {"detectable_content:postscript",
     "postscript (?:that )?start(?:ing|s) with (P\\.P\\.S|P\\.S\\.)", FILL_TEXT,
     "postscript_marker", NULL, false},
    {"startend:end_checker",
     "(?:end|finish) " REPLY " with (?:this|the)(?: exact)? phrase:? (?:of )?\"([^\"]{2,120})\"",
     FILL_TEXT, "end_phrase", NULL, false},
    {"keywords:forbidden_words",
     "(?:do not|don['’]t|must not|should not|without|avoid) (?:include|including|use|using|mention|"
     "say|contain)?(?: the)? (?:key)?words? " QUOTED "(?:,? (?:and |or )?" QUOTED
     ")?(?:,? (?:and |or "
     ")?" QUOTED ")?(?! (?:more|less|fewer|at ))",
     FILL_LIST, "forbidden_words", NULL, false},
    {"keywords:existence",
     "(?<!not )(?<!n't )\\b(?:include|mention|use|contain) the (?:key)?words? " QUOTED
     "(?:,? and " QUOTED ")?(?:,? and " QUOTED ")?(?! (?:more|less|fewer|no ))",
     FILL_LIST, "keywords", NULL, false},
    {"keywords:frequency",
     "\\bword " QUOTED " (?:should |must )?(?:appear |occur )?(?:for )?" BOUND " " NUMBER
     " times?\\b",
     FILL_WORD, "keyword", "relation", false},
    {"keywords:letter_frequency",
     "\\bletter [\"'“‘]?(\\w)[\"'”’]? (?:should |must )?(?:appear |occur )?" BOUND " " NUMBER
     " times?\\b",
     FILL_WORD, "letter", "let_relation", false},
    {"language:response_language",
     "\\b(?:only|entirely|completely)(?: in)?(?: the)? (\\p{Lu}\\p{Ll}+)(?: language)?,? no other "
     "languages?|respond (?:to me )?only in (\\p{Lu}\\p{Ll}+)\\b",
     FILL_LANGUAGE, "language", NULL, false},
};

enum { PATTERNS = sizeof patterns / sizeof *patterns };

static struct regex *compiled[PATTERNS];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make(void)
{
    for (size_t i = 0; i < PATTERNS; i++) /* language names need their capital */
        compiled[i] = regex_compile(patterns[i].regex,
                                    patterns[i].fill == FILL_LANGUAGE ? 0 : REGEX_CASELESS, NULL);
}

/* ---- arguments */

static struct slice group(const struct regex_match *m, int n, struct slice text)
{
    size_t begin, end;
    return regex_group(m, n, &begin, &end) ? slice_sub(text, begin, end - begin) : SLICE("");
}

static bool one_of(struct slice s, const char *list)
{
    for (size_t n; *list != '\0'; list += n + (list[n] == '|')) {
        n = strcspn(list, "|");
        bool same = s.len == n;
        for (size_t i = 0; same && i < n; i++)
            same = tolower((unsigned char)s.data[i]) == list[i];
        if (same)
            return true;
    }
    return false;
}

static int64_t number_of(struct slice s)
{
    static const char *const words[] = {"one",   "two",   "three", "four", "five",   "six",
                                        "seven", "eight", "nine",  "ten",  "eleven", "twelve"};
    int64_t n = 0;
    if (s.len > 0 && isdigit((unsigned char)s.data[0])) {
        for (size_t i = 0; i < s.len; i++)
            n = 10 * n + (s.data[i] - '0');
        return n;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (one_of(s, words[i]))
            return (int64_t)i + 1;
    return one_of(s, "fifteen") ? 15 : 20;
}

/* "more than 4" is at least 5, "at most 4" less than 5. */
static void put_bound(struct json *args, const struct pattern *p, const char *key,
                      struct slice bound, int64_t n)
{
    const bool least = one_of(bound, MORE) || one_of(bound, OVER);
    json_put_text(args, p->relation, least ? "at least" : "less than");
    json_put_integer(args, key, n + (one_of(bound, OVER) || one_of(bound, MOST)));
}

static const char *language_code(struct slice name)
{
    for (const char *const *code = langid_codes(); *code != NULL; code++)
        if (slice_is(name, langid_name(*code)))
            return *code;
    return NULL;
}

static void put_list(struct json *args, const char *key, const struct regex_match *m,
                     struct slice text)
{
    struct json *list = json_new_array();
    for (int i = 1; i <= 3; i++)
        if (group(m, i, text).len > 0)
            json_push(list, json_new_string(group(m, i, text)));
    json_put(args, key, list);
}

/* False: it asks for something that is not known after all. */
static bool fill(struct json *args, const struct pattern *p, const struct regex_match *m,
                 struct slice text)
{
    const struct slice one = group(m, 1, text), two = group(m, 2, text);
    switch (p->fill) {
    case FILL_NOTHING: return true;
    case FILL_BOUND: put_bound(args, p, p->key, one, number_of(two)); return true;
    case FILL_SUFFIX:
        put_bound(args, p, p->key,
                  two.data[0] == '+' || slice_is(two, "or more") ? SLICE("at least")
                                                                 : SLICE("at most"),
                  number_of(one));
        return true;
    case FILL_NUMBER: json_put_integer(args, p->key, number_of(one)); return true;
    case FILL_TEXT: json_put_string(args, p->key, one); return true;
    case FILL_LIST: put_list(args, p->key, m, text); return true;
    case FILL_WORD:
        json_put_string(args, p->key, one);
        put_bound(args, p, strcmp(p->key, "letter") == 0 ? "let_frequency" : "frequency", two,
                  number_of(group(m, 3, text)));
        return true;
    case FILL_LANGUAGE: {
        const char *code = language_code(one.len > 0 ? one : two);
        if (code != NULL)
            json_put_text(args, p->key, code);
        return code != NULL;
    }
    default: return false;
    }
}

/* ---- where it stands */

/* An odd number of quotation marks before it: in a quotation. */
static bool quoted(struct slice text, size_t at)
{
    size_t n = 0;
    for (size_t i = 0; i < at; i++)
        n += text.data[i] == '"';
    return n % 2 != 0;
}

/* Denied in front: "try not to …", "you cannot …". */
static bool denied(struct slice text, size_t at)
{
    static const char *const marks[] = {"not ",   "n't ",   "n’t ",  "never ", "without ",
                                        "avoid ", "cannot", "what ", "why ",   NULL};
    const struct slice before = slice_sub(text, at > 24 ? at - 24 : 0, at > 24 ? 24 : at);
    for (const char *const *m = marks; *m != NULL; m++)
        if (slice_find(before, slice_of(*m)) < before.len)
            return true;
    return false;
}

/* The sentence around it speaks of parts of the reply. */
static bool of_parts(struct slice text, size_t begin, size_t end)
{
    TEXT_LIST(parts, "each", "every", "per", "paragraph", "paragraphs", "section", "sections",
              "sentence", "title", "word", "words", "some", "heading", "headings", "capital",
              "comment", "comments", "line", "lines", "list", "hashtag", "hashtags", "username",
              "name", "names");
    size_t from = begin, to = end;
    while (from > 0 && strchr(".!?\n", text.data[from - 1]) == NULL)
        from--;
    while (to < text.len && strchr(".!?\n", text.data[to]) == NULL)
        to++;
    return text_has_any(slice_sub(text, from, begin - from), &parts) ||
           text_has_any(slice_sub(text, end, to - end), &parts);
}

static bool find_one(size_t i, struct slice request, struct asked *out)
{
    struct regex_match *m = regex_match_new(compiled[i]);
    size_t begin = 0, end = 0;
    bool found = regex_find(compiled[i], request, 0, m, NULL) == 1 &&
                 regex_group(m, 0, &begin, &end) && !quoted(request, begin) &&
                 !denied(request, begin) && !(patterns[i].whole && of_parts(request, begin, end));
    if (found) {
        *out = (struct asked){patterns[i].id, json_new_object(),
                              slice_sub(request, begin, end - begin)};
        found = fill(out->args, &patterns[i], m, request);
        if (!found)
            json_free(out->args);
    }
    regex_match_free(m);
    return found;
}

size_t asked_of(struct slice request, struct asked out[ASKED_MOST])
{
    size_t n = 0;
    pthread_once(&made, make);
    for (size_t i = 0; i < PATTERNS && n < ASKED_MOST; i++)
        if (compiled[i] != NULL && find_one(i, request, &out[n]))
            n++;
    return n;
}
