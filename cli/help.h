/*
 * Help, manual pages and completions: what a person or a shell reads of the command tables.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/command.h"
#include "core/buf.h"

/* "retort gen [OPTION...] RECIPE"; command NULL: of retort as a whole, here and below. */
void help_usage(const struct command *command, struct buf *out);
/* The usage line and one line an option or command: `-h`. */
void help_short(const struct command *command, struct buf *out);
/* Everything, with description and examples: `--help`. */
void help_full(const struct command *command, struct buf *out);

/* Every field of the recipe: type or choices, default, meaning. */
void help_recipe(struct buf *out);

/* A manual page in man(7) form: retort.1, or retort-NAME.1. */
void man_page(const struct command *command, struct buf *out);
void man_recipe(struct buf *out); /* retort-recipe.5 */

/* The completion script of a shell ("bash", "zsh", "fish"); -1 for another. */
int complete_script(const char *shell, struct buf *out);

#endif
