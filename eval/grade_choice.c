/*
 * choice: the choice that the model finds likeliest behind the prompt is the right one.
 * "choices": texts; "answer": the right one's text, its letter, or its number from 0.
 * args.by: "sum" (log-likelihood, the default) or "bytes" (per byte, for choices of unlike length).
 */
#include "eval/graders.h"

#include <string.h>

static int64_t right_choice(const struct suite_item *item)
{
    struct slice text = json_string(item->answer);
    int64_t i;
    if (json_integer(item->answer, &i) == 0)
        return i;
    i = 0;
    for (const struct json *c = json_first(item->choices); c != NULL; c = json_next(c), i++)
        if (slice_equal(slice_trim(json_string(c)), slice_trim(text)))
            return i;
    if (text.len == 1 && text.data[0] >= 'A' && text.data[0] <= 'Z')
        return text.data[0] - 'A';
    return -1;
}

static int check(const struct suite_item *item, struct error *error)
{
    size_t n = json_count(item->choices);
    int64_t right;
    if (json_type(item->choices) != JSON_ARRAY || n < 2)
        return error_set(error, ERROR_INPUT, "grader choice needs \"choices\", two texts or more");
    for (const struct json *c = json_first(item->choices); c != NULL; c = json_next(c))
        if (json_string(c).len == 0)
            return error_set(error, ERROR_INPUT, "a choice is empty or no text");
    if (grade_needs_answer(item, error) != 0)
        return -1;
    right = right_choice(item);
    if (right < 0 || (uint64_t)right >= n)
        return error_set(error, ERROR_INPUT, "\"answer\" is none of the %zu choices", n);
    return 0;
}

static void grade(const struct grade_input *in, struct grade *out)
{
    bool bytes = strcmp(json_text(json_get(in->item->args, "by"), "sum"), "bytes") == 0;
    int64_t best = 0, i = 0;
    double top = 0;
    for (const struct json *c = json_first(in->item->choices); c != NULL; c = json_next(c), i++) {
        double score = in->scores[i];
        if (bytes)
            score /= (double)json_string(c).len;
        if (i == 0 || score > top) {
            top = score;
            best = i;
        }
    }
    buf_printf(&out->why, "choice %lld", (long long)best);
    out->score = best == right_choice(in->item) ? 1 : 0;
}

const struct grader grade_choice = {
    .name = "choice",
    .summary = "multiple choice by likelihood",
    .needs = GRADER_LIKELIHOOD,
    .check = check,
    .grade = grade,
};
