/*
 * rouge_l: F1 of the longest common subsequence of words (Lin 2004), the best over the answers.
 * Words as core/rouge.h has them.  args.pass: from this score on it counts as right (score 1, else
 * 0); without it the score is the F1.
 */
#include "eval/graders.h"

#include "core/rouge.h"

struct best {
    struct slice reply;
    double score;
};

static bool compare(void *context, struct slice answer)
{
    struct best *b = context;
    const double f = rouge_l(b->reply, answer);
    if (f > b->score)
        b->score = f;
    return false;
}

static void grade(const struct grade_input *in, struct grade *out)
{
    const struct json *pass = json_get(in->item->args, "pass");
    struct best b = {grade_final(in->reply), 0};
    (void)grade_any_answer(in->item, compare, &b);
    buf_printf(&out->why, "%.3f", b.score);
    out->score = b.score;
    if (pass != NULL)
        out->score = b.score >= json_number(pass, 1) ? 1 : 0;
}

const struct grader grade_rouge = {
    .name = "rouge_l",
    .summary = "how much of the answer's wording the reply has (F1 of the longest common run)",
    .check = grade_needs_answer,
    .grade = grade,
};
