/*
 * The reply breaks off.  Signs, the surest first:
 *   finish_reason  the teacher reached its token limit;
 *   fence, json    a code fence is open at the end; a reply that is JSON ends inside brackets;
 *   comma          the last line of prose ends in a comma;
 *   word           it ends in an article or another word that cannot end a sentence, or in an
 *                  operator that waits for its operand;
 *   sentence       a line of several sentences ends without the stop that its others have.
 * Replies whose lines mostly go without stops (lists, poems, titles, formulas) say nothing by
 * leaving out another, nor do short lines.
 */
#include "filter/fence.h"
#include "filter/letters.h"
#include "filter/rules.h"
#include "filter/sentence.h"
#include "filter/text.h"

#include <string.h>

static const char *const no_end[] = {"the", "a",    "an",      "and",   "or",   "of",   "their",
                                     "its", "your", "our",     "my",    "than", "into", "every",
                                     "der", "die",  "und",     "le",    "les",  "el",   "los",
                                     "y",   "et",   "because", "whose", NULL};

static bool found(struct finding *out, const struct row *row, const char *why)
{
    const size_t end = (size_t)(row->reply.data - row->output.data) + row->reply.len;
    finding_span(out, "output", end > 40 ? end - 40 : 0, end);
    finding_why(out, "%s", why);
    return true;
}

/* Brackets that are open at the end of what starts as JSON. */
static bool json_open(struct slice s)
{
    int depth = 0;
    bool string = false;
    const struct slice inner = s.len > 1 ? text_skip_space(slice_sub(s, 1, s.len - 1)) : s;
    if (s.len < 2 || (s.data[0] != '{' && s.data[0] != '[') || inner.len == 0 ||
        strchr("\"{[", inner.data[0]) == NULL)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.data[i];
        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (!string && (c == '{' || c == '['))
            depth++;
        else if (!string && (c == '}' || c == ']') && --depth == 0)
            return false;
    }
    return depth > 0;
}

static bool fence_open(struct slice s)
{
    struct fence f;
    size_t at = 0;
    if (memchr(s.data, '`', s.len) == NULL && memchr(s.data, '~', s.len) == NULL)
        return false;
    while (fence_next(s, &at, &f))
        if (!f.closed)
            return true;
    return false;
}

/* "2. …", "- …" */
static bool is_item(struct slice line)
{
    size_t n = 0;
    while (n < line.len && line.data[n] >= '0' && line.data[n] <= '9')
        n++;
    if (n > 0)
        return n + 1 < line.len && (line.data[n] == '.' || line.data[n] == ')') &&
               line.data[n + 1] == ' ';
    return line.len > 2 && (line.data[0] == '-' || line.data[0] == '*') && line.data[1] == ' ';
}

/* The last line; *terse: most of the lines before it end without a stop; of a list one is enough. */
static struct slice last_line(struct slice s, bool *terse)
{
    struct slice line, last = {"", 0}, before = {"", 0};
    size_t at = 0, n = 0, closed = 0;
    while (text_line(s, &at, &line)) {
        line = slice_trim(line);
        if (line.len == 0)
            continue;
        if (last.len > 0) {
            n++;
            closed += sentence_closed(last);
        }
        before = last;
        last = line;
    }
    *terse = (n >= 2 || (is_item(before) && is_item(last))) && 2 * closed < n;
    return last;
}

/* Tables, headings, quotations, tags, links. */
static bool markup(struct slice line)
{
    static const char marks[] = "|#>@<\\";
    return strchr(marks, line.data[0]) != NULL || line.data[line.len - 1] == '|' ||
           text_has(line, "http");
}

/* Are all longer words of the line capitalised, as in a title? */
static bool title(struct slice line)
{
    bool start = true;
    size_t words = 0, capitals = 0;
    for (size_t i = 0; i < line.len; i++) {
        const char c = line.data[i];
        if (start && c >= 'a' && c <= 'z') {
            size_t n = 0;
            while (i + n < line.len && line.data[i + n] != ' ')
                n++;
            if (n > 3)
                return false;
        }
        words += start && c != ' ';
        capitals += start && c >= 'A' && c <= 'Z';
        start = c == ' ';
    }
    return capitals > 0 && words <= 14;
}

static bool ends_in(struct slice line, const char *const *words)
{
    size_t at = line.len;
    while (at > 0 && line.data[at - 1] != ' ')
        at--;
    const struct slice last = slice_sub(line, at, line.len - at);
    for (; *words != NULL; words++)
        if (last.len == strlen(*words) && memcmp(last.data, *words, last.len) == 0)
            return true;
    return false;
}

static bool ends_in_letter(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    size_t at = s.len;
    uint32_t c = 0;
    do
        at--;
    while (at > 0 && (p[at] & 0xC0) == 0x80);
    if (letters_decode(p + at, p + s.len, &c) == 0)
        return false;
    return (letters_of(c) & (LETTER_WORD | LETTER_BIGRAM)) != 0;
}

/* "there are 100 fish +": an operator between blank and end. */
static bool ends_in_operator(struct slice s)
{
    return s.len > 2 && s.data[s.len - 2] == ' ' && strchr("+*/=", s.data[s.len - 1]) != NULL &&
           s.data[s.len - 3] != s.data[s.len - 1];
}

/* Without closing quotes, backticks and a per cent sign, which end sentences as little as words. */
static struct slice without_marks(struct slice s)
{
    static const char *const marks[] = {"\"", "`", "%", "”", "’", "'", "」", "％", NULL};
    for (size_t i = 0; s.len > 0 && marks[i] != NULL; i++)
        if (slice_ends(s, marks[i])) {
            s.len -= strlen(marks[i]);
            i = (size_t)-1;
        }
    return s;
}

static bool ends_in_comma(struct slice s)
{
    return slice_ends(s, ",") || slice_ends(s, "，") || slice_ends(s, "、");
}

/* "… #travel": tags close a post. */
static bool ends_in_tag(struct slice s)
{
    size_t at = s.len;
    while (at > 0 && s.data[at - 1] != ' ' && s.data[at - 1] != '\n')
        at--;
    return at < s.len && s.data[at] == '#';
}

/* Several sentences on the line, and the last without its stop. */
static bool sentence_open(struct slice line)
{
    size_t at = 0, next, ends = 0, longest = 0;
    while ((next = sentence_next(line, at)) < line.len) {
        const size_t n = sentence_words(slice_sub(line, at, next - at));
        longest = n > longest ? n : longest;
        ends++;
        at = next;
    }
    const struct slice tail = slice_trim(slice_sub(line, at, line.len - at));
    const struct slice bare = without_marks(tail);
    if (ends == 0 || longest < 5 || bare.len == 0 || !ends_in_letter(bare))
        return false;
    if (ends_in_tag(bare) || (bare.len < tail.len && sentence_words(tail) < 4))
        return false;
    return strchr("#@-*(", tail.data[0]) == NULL && !text_has(tail, "http") &&
           !(ends == 1 && title(line));
}

static const char *prose_open(struct slice reply)
{
    bool terse = false;
    const struct slice line = last_line(reply, &terse);
    if (line.len == 0 || sentence_closed(line) || terse || markup(line))
        return NULL;
    const size_t words = sentence_words(line);
    if (ends_in_comma(line)) { /* a closing formula of a letter is short and stands by itself */
        const bool several = sentence_next(line, 0) < line.len;
        const bool prose = words >= 9 && memchr(line.data, '=', line.len) == NULL;
        return several || prose ? "the last line ends in a comma" : NULL;
    }
    if (words >= 5 && ends_in(line, no_end))
        return "the last word cannot end a sentence";
    if (words >= 5 && ends_in_operator(line))
        return "the last line ends in an operator";
    return sentence_open(line) ? "the last sentence has no end" : NULL;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct slice reason = row->sample->finish_reason;
    const char *why;
    (void)state;
    if (slice_is(reason, "length") || slice_is(reason, "max_tokens"))
        return found(out, row, "the teacher stopped at its token limit (finish_reason)");
    if (row->reply.len == 0)
        return false;
    if (fence_open(row->output))
        return found(out, row, "a code fence is open at the end");
    if (json_open(row->reply))
        return found(out, row, "the JSON breaks off inside brackets");
    why = prose_open(row->reply);
    return why != NULL && found(out, row, why);
}

const struct filter_rule rule_truncated = {
    .name = "truncated",
    .version = 3,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply breaks off",
    .judge = judge,
};
