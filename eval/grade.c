#include "eval/grade.h"

#include "core/unicode.h"
#include "eval/graders.h"

#include <string.h>

const struct grader *const graders[] = {
    &grade_exact, &grade_normalised, &grade_numeric, &grade_math,  &grade_choice,  &grade_json,
    &grade_regex, &grade_rouge,      &grade_ifeval,  &grade_judge, &grade_command, NULL,
};

const struct grader *grader_find(const char *name, struct error *error)
{
    struct buf names = BUF_MAX(512);
    for (size_t i = 0; graders[i] != NULL; i++)
        if (strcmp(graders[i]->name, name) == 0)
            return graders[i];
    for (size_t i = 0; graders[i] != NULL; i++)
        buf_printf(&names, "%s%s", i != 0 ? ", " : "", graders[i]->name);
    error_set(error, ERROR_INPUT, "unknown grader \"%s\"; there are %s", name, buf_text(&names));
    buf_free(&names);
    return NULL;
}

int grade_needs_answer(const struct suite_item *item, struct error *error)
{
    if (item->answer != NULL)
        return 0;
    return error_set(error, ERROR_INPUT, "grader %s needs an \"answer\"", item->grader->name);
}

static bool one_answer(const struct json *answer, bool (*fn)(void *, struct slice), void *context)
{
    struct slice text = json_string(answer);
    struct buf written = BUF;
    bool found;
    if (text.data == NULL) {
        json_write(answer, 0, &written);
        text = buf_view(&written);
    }
    found = fn(context, text);
    buf_free(&written);
    return found;
}

bool grade_any_answer(const struct suite_item *item, bool (*fn)(void *context, struct slice answer),
                      void *context)
{
    if (json_type(item->answer) != JSON_ARRAY)
        return one_answer(item->answer, fn, context);
    for (const struct json *a = json_first(item->answer); a != NULL; a = json_next(a))
        if (one_answer(a, fn, context))
            return true;
    return false;
}

static bool is_article(const char *word, size_t len)
{
    return (len == 1 && word[0] == 'a') || (len == 2 && memcmp(word, "an", 2) == 0) ||
           (len == 3 && memcmp(word, "the", 3) == 0);
}

void grade_normalise(struct slice text, struct buf *out)
{
    struct buf folded = BUF;
    size_t start = out->len, word = out->len;
    unicode_fold(text, &folded);
    for (size_t i = 0; i <= folded.len;) {
        uint32_t c = ' ';
        size_t n = i < folded.len ? utf8_decode(folded.data + i, folded.len - i, &c) : 1;
        if (n == 0)
            n = 1;
        i += n;
        if (unicode_is_space(c)) {
            if (out->len > word && is_article(out->data + word, out->len - word))
                out->len = word;
            if (out->len > word)
                buf_char(out, ' ');
            word = out->len;
        } else if (!unicode_is_punctuation(c)) {
            buf_utf8(out, c);
        }
    }
    if (out->len > start && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    buf_free(&folded);
}

struct slice grade_boxed(struct slice text)
{
    static const char *const openers[] = {"\\boxed{", "\\fbox{"};
    struct slice best = {NULL, 0};
    for (size_t k = 0; k < 2; k++) {
        size_t skip = strlen(openers[k]);
        for (size_t at = 0; at + skip <= text.len; at++) {
            int depth = 1;
            size_t i = at + skip;
            if (memcmp(text.data + at, openers[k], skip) != 0)
                continue;
            for (; i < text.len && depth != 0; i++)
                depth += text.data[i] == '{' ? 1 : text.data[i] == '}' ? -1 : 0;
            if (depth == 0)
                best = slice_sub(text, at + skip, i - 1 - (at + skip));
        }
    }
    return best;
}

struct slice grade_final(struct slice reply)
{
    struct slice t = slice_trim(reply);
    size_t end;
    if (!slice_starts(t, "<think>"))
        return t;
    end = slice_find(t, SLICE("</think>"));
    return end == t.len ? slice_sub(t, t.len, 0) : slice_trim(slice_sub(t, end + 8, t.len));
}
