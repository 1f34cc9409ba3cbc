/*
 * Personal data and secrets in prompt or reply (filter/pii.h).  Flagged unless the recipe says
 * "remove"; with `mask` the row stays, and what training and export see of it has tags such as
 * [EMAIL] in their place (filter/mask.h).
 */
#include "filter/pii.h"

#include "filter/rules.h"

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct sample *s = row->sample;
    const struct slice texts[] = {s->output, s->instruction, s->input, s->messages, s->system};
    static const char *const fields[] = {"output", "instruction", "input", "messages", "system"};
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct pii h;
        if (texts[i].len == 0 || !pii_next(texts[i], 0, &h))
            continue;
        finding_span(out, fields[i], h.from, h.to);
        finding_why(out, "%s at byte %zu of the %s", h.what, h.from, fields[i]);
        return true;
    }
    return false;
}

const struct filter_rule rule_pii = {
    .name = "pii",
    .version = 2,
    .action = VERDICT_FLAG,
    .summary = "it holds personal data or a secret",
    .judge = judge,
};
