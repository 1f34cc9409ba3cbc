/*
 * A placeholder where text belongs: the input or the reply is "<noinput>", "No input", "无输入" … and
 * nothing else, or the mark itself stands in the instruction or the reply.  An <input> element or a
 * sentence about input fields is none.
 *
 * Plain words ("No input") beside a short question say what is true and spoil little, so they are
 * only flagged; and so is the heading of a form ("No Input").  They go where the request is a task,
 * speaks of an input that is not there, is longer than a sentence, or is in another script: there
 * a form was filled by a machine.
 */
#include "filter/rules.h"
#include "filter/sentence.h"
#include "filter/text.h"

#include <string.h>

/* Whole fields, without case, blanks and brackets.  A full stop makes it a sentence. */
static const char *const fields[] = {
    "noinput",    "noinputprovided",  "noinputneeded",  "noinputrequired", "noinputgiven",
    "nooutput",   "inputnotprovided", "inputnotneeded", "notapplicable",   "无输入",
    "没有输入",   "无需输入",         "不需要输入",     "空输入",          "keineeingabe",
    "sinentrada", "aucuneentrée",     "入力なし",       "입력없음",        NULL,
};

static const char *const marks[] = {"<noinput>",   "<no input>", "<nooutput>",
                                    "<no output>", "<无输入>",   NULL};

/* The field without what does not count; false when it is too long to be a placeholder. */
static bool squeeze(struct slice s, char *to, size_t cap)
{
    size_t n = 0;
    s = row_trim(s);
    if (s.len == 0 || s.len > 64)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.data[i];
        if (strchr(" \t<>[](){}*_-\"'", c) != NULL && c != '\0')
            continue;
        if (n + 1 == cap)
            return false;
        to[n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    to[n] = '\0';
    return n > 0;
}

static bool is_placeholder(struct slice s)
{
    char text[80];
    if (!squeeze(s, text, sizeof text))
        return false;
    for (size_t i = 0; fields[i] != NULL; i++)
        if (strcmp(fields[i], text) == 0)
            return true;
    return false;
}

/* "No input": words with a blank between them and no brackets around. */
static bool plain_words(struct slice s)
{
    s = slice_trim(s);
    return memchr(s.data, ' ', s.len) != NULL && strchr("<[({", s.data[0]) == NULL;
}

/* "No Input": no word begins with a small letter. */
static bool is_heading(struct slice s)
{
    bool start = true;
    s = slice_trim(s);
    for (size_t i = 0; i < s.len; i++) {
        if (start && s.data[i] >= 'a' && s.data[i] <= 'z')
            return false;
        start = s.data[i] == ' ';
    }
    return true;
}

/* A question is whole by itself; a task may work on something. */
static bool is_question(struct slice s)
{
    return slice_ends(slice_trim(s), "?");
}

/* One sentence of the placeholder's script that needs no input. */
static bool short_request(struct slice s)
{
    TEXT_LIST(speaks_of_input, "following", "below", "given", "above", "provided", "presented",
              "the sentence", "the text", "the passage", "the paragraph", "the article",
              "the input", "the list", "the statement", "the words", "the numbers", "this", "these",
              "classify", "summarize", "summarise", "rewrite", "rephrase", "paraphrase", "edit",
              "proofread", "correct", "convert", "sort", "extract", "analyze", "analyse");
    s = slice_trim(s);
    if (s.len == 0 || s.len > 160 || sentence_next(s, 0) < s.len ||
        memchr(s.data, '\n', s.len) != NULL || text_has_any(s, &speaks_of_input))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.data[i] >= 0xE3 && (unsigned char)s.data[i] < 0xEE)
            return false; /* kana, Han, Hangul */
    return true;
}

static bool find_mark(struct slice s, const char *field, struct finding *out)
{
    if (s.len == 0 || memchr(s.data, '<', s.len) == NULL)
        return false;
    for (size_t i = 0; marks[i] != NULL; i++) {
        const size_t at = text_find(s, marks[i], 0);
        if (at < s.len && !text_in_code(s, at)) {
            finding_span(out, field, at, at + strlen(marks[i]));
            finding_why(out, "the placeholder %s stands in the %s", marks[i], field);
            return true;
        }
    }
    return false;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct sample *s = row->sample;
    (void)state;
    if (is_placeholder(s->input)) {
        out->flag = plain_words(s->input) && short_request(s->instruction) &&
                    (is_question(s->instruction) || is_heading(s->input));
        finding_span(out, "input", 0, s->input.len);
        finding_why(out, "the input is a placeholder");
        return true;
    }
    if (is_placeholder(row->output)) {
        finding_span(out, "output", 0, row->output.len);
        finding_why(out, "the reply is a placeholder");
        return true;
    }
    return find_mark(s->instruction, "instruction", out) || find_mark(row->output, "output", out);
}

const struct filter_rule rule_noinput = {
    .name = "noinput",
    .version = 3,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "a placeholder stands where text belongs",
    .judge = judge,
};
