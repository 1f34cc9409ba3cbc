/*
 * Refusals.  "refusal": the teacher declines and gives nothing of what was asked; "partial_refusal":
 * it declines, or says that it cannot know, and helps all the same.  Told from the first sentence
 * (filter/claims.h), or the next where that one is mere politeness: a refusal further down is a
 * part of some other answer.  A reply that declines what it was asked for by rejecting it
 * (filter/rebuttal.h) is a refusal too.
 *
 * Help shows as an offer that is carried out ("however, here are some …", "I can …"), as code, as
 * the remark that the person is fictional; and as a list, unless the refusal is for harm's sake:
 * the list behind "I cannot help to hurt anybody" holds hotlines.
 * "apology": the reply opens with an apology that refuses nothing.
 */
#include "filter/claims.h"
#include "filter/rebuttal.h"
#include "filter/rules.h"
#include "filter/sentence.h"
#include "filter/text.h"

#include <string.h>

enum { LOOK_AT = 3 }; /* sentences */

/* Help whatever was refused. */
TEXT_LIST(offers, "however, here", "however, i can offer", "however, i can provide",
          "however, i can suggest", "however, i can tell", "however, i can explain",
          "however, i can help", "however, i can share", "however, i can give", "but here are",
          "but here is", "but here's", "but i can offer", "but i can provide", "but i can suggest",
          "but i can tell", "but i can explain", "but i can share", "but i can give",
          "with that said, here", "that being said, here", "that said, here", "fictional character",
          "fictional characters", "is fictional", "a fictional", "not a real person",
          "does not exist", "doesn't exist", "不过，以下", "但以下是", "虚构的");

/* Help where nothing harmful was refused. */
TEXT_LIST(helps, "here are some", "here are a few", "here is a", "here's a", "here's how",
          "here is how", "here are the", "here are several", "i can tell you that",
          "i can provide information", "i can provide some", "i can offer some", "i can suggest",
          "i can explain", "i can give you some", "i can share", "to answer your question",
          "以下是", "下面是", "但你可以", "但您可以", "不过你可以", "不过您可以", "但我可以",
          "您也可以", "你也可以");

TEXT_LIST(harm, "harm", "harms", "harmful", "harming", "illegal", "unethical", "ethical", "violent",
          "violence", "dangerous", "kill", "killing", "suicide", "self-harm", "offensive",
          "inappropriate", "not appropriate", "criminal", "crime", "crimes", "discrimination",
          "discriminatory", "hateful", "privacy", "consent", "unsafe", "违法", "有害", "暴力",
          "危险", "不道德", "隐私", "歧视");

/* The request is for words in which somebody declines. */
TEXT_LIST(wants_excuse, "excuse", "excuses", "apology", "apologize", "apologise", "rejection",
          "reject", "decline", "declining", "turn down", "turning down", "resignation", "道歉",
          "借口", "拒绝", "婉拒");

/* What a teacher refuses, and nobody else. */
TEXT_LIST(to_the_user, "request", "assist", "provide", "information", "help with", "fulfill",
          "answer", "question", "language model", "an ai", "满足", "提供", "回答", "协助");

/* Goes on with something said before, as no reply begins. */
TEXT_LIST(goes_on, "however,", "however i", "but i", "但是", "不过");

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

/* Is the refusal, by its own words, for harm's sake? */
static bool for_harm(const struct row *row)
{
    for (size_t i = 0; i < LOOK_AT && i < row->n_sentences; i++)
        if (text_has_any(row->sentences[i], &harm))
            return true;
    return false;
}

static bool gives_help(const struct row *row)
{
    if (text_has_any(row->reply, &offers) || text_has(row->reply, "```"))
        return true;
    return !for_harm(row) && (list_items(row->reply) >= 2 || text_has_any(row->reply, &helps));
}

static void mark(struct row_notes *r, const struct row *row, size_t sentence)
{
    r->from = (size_t)(row->sentences[sentence].data - row->output.data);
    r->to = r->from + row->sentences[sentence].len;
}

static void look(const struct row *row, struct row_notes *r)
{
    size_t at;
    *r = (struct row_notes){.known = true, .claim = CLAIM_NONE};
    for (size_t i = 0; i < LOOK_AT && i < row->n_sentences && r->claim == CLAIM_NONE; i++) {
        const struct slice sentence = row->sentences[i];
        if (i == 0 && text_starts_any(sentence, &goes_on))
            break;
        const enum claim c = claims_of(sentence);
        r->apology |= c == CLAIM_APOLOGY && i == 0;
        if (c != CLAIM_REFUSAL && c != CLAIM_INABILITY) {
            if (!claims_polite(sentence))
                break;
            continue;
        }
        if (text_has_any(row->request, &wants_excuse) && !text_has_any(sentence, &to_the_user))
            break;
        r->claim = (int)c;
        mark(r, row, i);
    }
    if (r->claim != CLAIM_REFUSAL && rebuttal_find(row, &at)) {
        r->claim = CLAIM_REFUSAL;
        r->rebuts = true;
        mark(r, row, at);
    } else if (r->claim != CLAIM_NONE) {
        r->helps = gives_help(row);
    }
}

/* Both rules ask; the first one looks. */
static const struct row_notes *notes_of(const struct row *row)
{
    if (!row->notes->known)
        look(row, row->notes);
    return row->notes;
}

static bool found(struct finding *out, const struct row *row, const struct row_notes *r,
                  const char *words)
{
    finding_span(out, "output", r->from, r->to);
    finding_quote(out, words, slice_sub(row->output, r->from, r->to - r->from));
    return true;
}

static bool refusal(const void *state, const struct row *row, struct finding *out)
{
    (void)state;
    const struct row_notes *r = notes_of(row);
    return r->claim == CLAIM_REFUSAL && !r->helps &&
           found(out, row, r, r->rebuts ? "it rejects what it was asked" : "it declines");
}

static bool partial(const void *state, const struct row *row, struct finding *out)
{
    (void)state;
    const struct row_notes *r = notes_of(row);
    if (r->claim == CLAIM_INABILITY || (r->claim == CLAIM_REFUSAL && r->helps))
        return found(out, row, r, "it declines in part");
    if (!r->apology)
        return false;
    finding_span(out, "output", 0, 0);
    finding_why(out, "it opens with an apology");
    return true;
}

const struct filter_rule rule_refusal = {
    .name = "refusal",
    .version = 3,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the teacher declines",
    .judge = refusal,
};

const struct filter_rule rule_partial_refusal = {
    .name = "partial_refusal",
    .version = 2,
    .usual = true,
    .action = VERDICT_FLAG,
    .summary = "the teacher declines in part, or apologises",
    .judge = partial,
};
