/* normalised: equal without case, punctuation, articles and spacing (SQuAD's exact match). */
#include "eval/graders.h"

static bool same(void *context, struct slice answer)
{
    const struct buf *reply = context;
    struct buf b = BUF;
    bool equal;
    grade_normalise(answer, &b);
    equal = slice_equal(buf_view(reply), buf_view(&b));
    buf_free(&b);
    return equal;
}

static void grade(const struct grade_input *in, struct grade *out)
{
    struct buf reply = BUF;
    grade_normalise(grade_final(in->reply), &reply);
    out->score = grade_any_answer(in->item, same, &reply) ? 1 : 0;
    buf_free(&reply);
}

const struct grader grade_normalised = {
    .name = "normalised",
    .summary = "equal without case, punctuation, articles and spacing",
    .check = grade_needs_answer,
    .grade = grade,
};
