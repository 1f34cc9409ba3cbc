/*
 * Chains: what an answer's follow-up has to know travels as the `state`, a JSON object in the
 * prompt's meta, so that a run that was killed goes on in the middle.
 */
#ifndef GEN_CHAIN_H
#define GEN_CHAIN_H

#include "gen/prompts.h"
#include "gen/strategy.h"

/* {"instruction","input","system","name","messages","meta"} of a line of the prompt file; owned. */
struct json *chain_begin(const struct prompt_line *line);
/* The state of the prompt that was answered, as a tree of the caller's; never NULL. */
struct json *chain_state(const struct gen_answer *a);
/* A text of the state; absent where there is none. */
struct slice chain_text(const struct json *state, const char *key);
/* The conversation that the line was, as JSON in `out`; absent where it was a question. */
struct slice chain_messages(const struct json *state, struct buf *out);
int64_t chain_integer(const struct json *state, const char *key);

struct chain_ask {
    const char *step, *template; /* template NULL: `instruction` and `input` are asked */
    const struct gen_field *fields;
    size_t n;
    struct slice source, instruction, input, system, messages;
    int64_t parent, sample;
};
/* Ask once, with the state as it is now. */
int chain_ask(struct gen *g, const struct chain_ask *ask, const struct json *state,
              struct error *error);
/* The meta of a row: what the line brought, with "strategy" members of `about` beside it. */
int chain_meta(const struct json *state, const struct json *about, struct buf *out);
/* The reply as a bare text: trimmed, without a fence, quotes or a label ("Rewritten prompt:") around
 * it. */
struct slice chain_bare(struct slice reply);
/* What a judge of two says: 'A', 'B', 'C' for a tie, or 0 where it cannot be read: the last letter in
 * double brackets, or a reply that is the letter alone. */
char chain_verdict(struct slice reply);
/* A .follow: each ask of the plan is followed by one of step "answer". */
struct gen_follow chain_follow(struct gen *g, const void *state, const char *step, int64_t planned);
int64_t chain_setting(struct gen *g, const char *path); /* an integer of the gen block */

#endif
