/*
 * Refusals.  "refusal": the teacher declines and gives nothing else of use; "partial_refusal": it
 * declines, or says that it cannot know, and helps all the same.  Told from the first sentence
 * (filter/claims.h), or the next where that one is mere politeness: a refusal further down is a
 * part of some other answer.  Help shows as a list,
 * as an offer that is carried out ("however, here are some …", "I can …"), or as code.
 * "apology": the reply opens with an apology that refuses nothing.
 */
#include "filter/claims.h"
#include "filter/rules.h"
#include "filter/sentence.h"
#include "filter/text.h"

#include <string.h>

enum { LOOK_AT = 3 }; /* sentences */

TEXT_LIST(helps, "here are some", "here are a few", "here is a", "here's a", "here's how",
          "here is how", "here are the", "here are several", "i can tell you that",
          "i can provide information", "i can provide some", "i can offer some", "i can suggest",
          "i can explain", "i can give you some", "i can share", "to answer your question",
          "fictional character", "is fictional", "以下是", "下面是", "你可以", "您可以",
          "我可以为");

struct reply {
    enum claim claim;
    size_t from, to; /* of the sentence that refuses */
    bool apology, helps;
};

static size_t list_items(struct slice s)
{
    struct slice line;
    size_t at = 0, n = 0;
    while (text_line(s, &at, &line)) {
        line = text_skip_space(line);
        size_t digits = 0;
        while (digits < line.len && line.data[digits] >= '0' && line.data[digits] <= '9')
            digits++;
        n += (digits > 0 && digits + 1 < line.len &&
              (line.data[digits] == '.' || line.data[digits] == ')')) ||
             (line.len > 2 && strchr("-*", line.data[0]) != NULL && line.data[1] == ' ') ||
             slice_starts(line, "•");
    }
    return n;
}

static struct reply look(const struct row *row)
{
    struct reply r = {.claim = CLAIM_NONE};
    for (size_t i = 0; i < LOOK_AT && i < row->n_sentences && r.claim == CLAIM_NONE; i++) {
        const struct slice sentence = row->sentences[i];
        const enum claim c = claims_of(sentence);
        r.apology |= c == CLAIM_APOLOGY && i == 0;
        if (c != CLAIM_REFUSAL && c != CLAIM_INABILITY) {
            if (!claims_polite(sentence))
                break;
            continue;
        }
        r.claim = c;
        r.from = (size_t)(sentence.data - row->output.data);
        r.to = r.from + sentence.len;
    }
    if (r.claim != CLAIM_NONE)
        r.helps = list_items(row->reply) >= 2 || text_has_any(row->reply, &helps) ||
                  text_has(row->reply, "```");
    return r;
}

static bool found(struct finding *out, const struct row *row, const struct reply *r,
                  const char *words)
{
    finding_span(out, "output", r->from, r->to);
    finding_quote(out, words, slice_sub(row->output, r->from, r->to - r->from));
    return true;
}

static bool refusal(const void *state, const struct row *row, struct finding *out)
{
    (void)state;
    const struct reply r = look(row);
    return r.claim == CLAIM_REFUSAL && !r.helps && found(out, row, &r, "it declines");
}

static bool partial(const void *state, const struct row *row, struct finding *out)
{
    (void)state;
    const struct reply r = look(row);
    if (r.claim == CLAIM_INABILITY || (r.claim == CLAIM_REFUSAL && r.helps))
        return found(out, row, &r, "it declines in part");
    if (!r.apology)
        return false;
    finding_span(out, "output", 0, 0);
    finding_why(out, "it opens with an apology");
    return true;
}

const struct filter_rule rule_refusal = {
    .name = "refusal",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the teacher declines",
    .judge = refusal,
};

const struct filter_rule rule_partial_refusal = {
    .name = "partial_refusal",
    .version = 1,
    .usual = true,
    .action = VERDICT_FLAG,
    .summary = "the teacher declines in part, or apologises",
    .judge = partial,
};
