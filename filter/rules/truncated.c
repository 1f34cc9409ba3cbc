/*
 * The reply breaks off: the teacher said so (finish_reason "length" or "max_tokens").
 */
#include "filter/rules.h"

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct slice reason = row->sample->finish_reason;
    (void)state;
    if (!slice_is(reason, "length") && !slice_is(reason, "max_tokens"))
        return false;
    finding_span(out, "output", row->output.len, row->output.len);
    finding_why(out, "the teacher stopped at its token limit (finish_reason \"%.*s\")",
                (int)reason.len, reason.data);
    return true;
}

const struct filter_rule rule_truncated = {
    .name = "truncated",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply breaks off",
    .judge = judge,
};
