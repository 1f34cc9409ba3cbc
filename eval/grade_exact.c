/* exact: the reply, without space at its ends, is one of the answers. */
#include "eval/graders.h"

static bool same(void *context, struct slice answer)
{
    const struct slice *reply = context;
    return slice_equal(*reply, slice_trim(answer));
}

static void grade(const struct grade_input *in, struct grade *out)
{
    struct slice reply = grade_final(in->reply);
    out->score = grade_any_answer(in->item, same, &reply) ? 1 : 0;
}

const struct grader grade_exact = {
    .name = "exact",
    .summary = "the reply is the answer, but for space at its ends",
    .check = grade_needs_answer,
    .grade = grade,
};
