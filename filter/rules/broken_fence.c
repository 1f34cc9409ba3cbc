/* A code fence that is opened and never closed. */
#include "filter/fence.h"
#include "filter/rules.h"

#include <string.h>

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct slice s = row->output;
    struct fence f;
    size_t at = 0;
    (void)state;
    if (s.len == 0 || (memchr(s.data, '`', s.len) == NULL && memchr(s.data, '~', s.len) == NULL))
        return false;
    while (fence_next(s, &at, &f))
        if (!f.closed) {
            finding_span(out, "output", f.from, s.len);
            finding_why(out, "the code fence at byte %zu is never closed", f.from);
            return true;
        }
    return false;
}

const struct filter_rule rule_broken_fence = {
    .name = "broken_fence",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "a code fence is not closed",
    .judge = judge,
};
