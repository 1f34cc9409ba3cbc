/*
 * The reply breaks a constraint that a program can check (core/constraints.h): one of the row's
 * meta, as IFEval writes them ("instruction_id_list" and "kwargs"), else one that the request
 * states in words (filter/asked.h).
 */
#include "core/constraints.h"
#include "filter/asked.h"
#include "filter/rules.h"

#include <string.h>

static bool broken(struct finding *out, const struct row *row, const char *id, struct slice words)
{
    finding_span(out, "output", 0, row->output.len);
    if (words.len > 0)
        finding_why(out, "it was asked for \"%.*s\" and breaks it (%s)",
                    (int)(words.len < 90 ? words.len : 90), words.data, id);
    else
        finding_why(out, "it breaks %s", id);
    return true;
}

static bool by_meta(const struct json *meta, const struct row *row, struct finding *out)
{
    const struct json *id = json_first(json_get(meta, "instruction_id_list")),
                      *args = json_first(json_get(meta, "kwargs"));
    for (; id != NULL; id = json_next(id), args = args != NULL ? json_next(args) : NULL) {
        const struct constraint *c = constraint_find(json_text(id, ""));
        if (c != NULL && !c->holds(row->output, args))
            return broken(out, row, c->id, SLICE(""));
    }
    return false;
}

static bool by_words(const struct row *row, struct finding *out)
{
    struct asked asked[ASKED_MOST];
    const size_t n = asked_of(row->request, asked);
    bool fired = false;
    for (size_t i = 0; i < n; i++) {
        const struct constraint *c = constraint_find(asked[i].id);
        if (!fired && c != NULL && !c->holds(row->output, asked[i].args))
            fired = broken(out, row, asked[i].id, asked[i].words);
        json_free(asked[i].args);
    }
    return fired;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    struct json *meta = NULL;
    bool fired, known = false;
    (void)state;
    if (row->reply.len == 0)
        return false;
    if (row->sample->meta.len > 0)
        meta = json_parse(row->sample->meta, 0, NULL);
    known = json_first(json_get(meta, "instruction_id_list")) != NULL;
    fired = known ? by_meta(meta, row, out) : by_words(row, out);
    json_free(meta);
    return fired;
}

const struct filter_rule rule_constraints = {
    .name = "constraints",
    .version = 1,
    .action = VERDICT_REMOVE,
    .summary = "the reply breaks a constraint of its request",
    .judge = judge,
};
