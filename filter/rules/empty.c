/* The reply is empty or holds nothing but white space (of any script) and zero-width marks. */
#include "filter/rules.h"

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    (void)state;
    if (row->reply.len > 0)
        return false;
    finding_span(out, "output", 0, row->output.len);
    finding_why(out, "nothing but white space");
    return true;
}

const struct filter_rule rule_empty = {
    .name = "empty",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply is empty",
    .judge = judge,
};
