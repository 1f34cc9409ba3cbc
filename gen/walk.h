/*
 * Walking a file of prompts line by line: the plan that most strategies share.
 *
 * A strategy's state begins with a `struct walk`; then walk_count, walk_position, walk_seek and
 * walk_close serve as its functions (walk_close frees the state; what else is in it is freed by
 * the strategy's own close before it calls walk_close).
 */
#ifndef GEN_WALK_H
#define GEN_WALK_H

#include "gen/prompts.h"
#include "gen/strategy.h"

#include <stdbool.h>

struct walk {
    struct prompts *prompts;
    const char *name; /* of the file, for `source` */
    char *path;
    uint64_t asked;
    bool questions; /* lines are single questions: a conversation is a bad line */
};

/* Open the file the recipe names in gen.SETTING.  `members`: the names under which a line's text
 * may stand (NULL: instruction, prompt). */
int walk_open(struct gen *g, struct walk *w, const char *setting, const char *const *members,
              struct error *error);
/* An .open for strategies without more state: gen.prompts. */
int walk_open_prompts(struct gen *g, void **state, struct error *error);
/* The same for strategies whose templates hold one question. */
int walk_open_questions(struct gen *g, void **state, struct error *error);
/* Make the asks of one line; `source` is "prompts.jsonl:12". */
typedef int walk_fn(struct gen *g, void *state, const struct prompt_line *line, struct slice source,
                    struct error *error);
/* The next line, given to fn: what plan() returns. */
int walk_plan(struct gen *g, void *state, walk_fn *fn, struct error *error);
int64_t walk_count(struct gen *g, void *state);
int walk_position(void *state, struct buf *out);
int walk_seek(struct gen *g, void *state, struct slice position, struct error *error);
void walk_close(void *state);
/* The line as an ask of the first step, unchanged. */
struct gen_ask walk_ask(const struct prompt_line *line, struct slice source);
/* The index of the line for gen_random: the same wherever it stands in the file. */
uint64_t walk_index(const struct prompt_line *line);

#endif
