/*
 * The teacher speaks of itself: "I am ChatGPT, made by OpenAI", "As a language model, I …",
 * 作为由…开发的人工智能.  A student trained on it would claim to be its teacher.  "I am an AI" alone is
 * true of the student too and is only flagged; text about such models in the third person is left
 * alone.
 */
#include "filter/claims.h"
#include "filter/rules.h"

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    struct slice sentence;
    size_t at = 0;
    (void)state;
    if (!claims_speak_of_models(row->reply))
        return false;
    while (row_sentence(row->reply, &at, &sentence)) {
        bool known = false;
        if (!claims_identity(sentence, &known))
            continue;
        out->flag = !known;
        const size_t from = (size_t)(sentence.data - row->output.data);
        finding_span(out, "output", from, from + sentence.len);
        finding_quote(out,
                      known ? "it speaks of itself as a certain model" : "it calls itself an AI",
                      sentence);
        return true;
    }
    return false;
}

const struct filter_rule rule_identity = {
    .name = "identity",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the teacher speaks of itself",
    .judge = judge,
};
