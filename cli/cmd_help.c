/* retort help: the tables made readable, for people and for shells. */
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/output.h"

#include <string.h>

static const struct command_operand operands[] = {
    {.name = "COMMAND",
     .kind = VALUE_TEXT,
     .optional = true,
     .help = "the command to explain, or recipe: the fields of a recipe"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "man", .kind = VALUE_NONE, .help = "print the manual page, for man(1)"},
    {.name = "completion",
     .kind = VALUE_CHOICE,
     .argument = "SHELL",
     .choices = "bash|zsh|fish",
     .help = "print a completion script"},
    {.name = "commands", .kind = VALUE_NONE, .help = "print the names of the commands only"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort help train", "everything about one command"},
    {"retort help recipe", "every field of a recipe, its default and meaning"},
    {"retort help --man train | man -l -", "the same as a manual page"},
    {"retort help --completion bash > ~/.local/share/bash-completion/completions/retort",
     "completion for your shell"},
    EXAMPLES_END,
};

static int help_run(const struct arguments *args, struct error *error)
{
    const char *name = arguments_operand(args, 0);
    const struct command *command = NULL;
    bool recipe = name != NULL && strcmp(name, "recipe") == 0;
    struct buf out = BUF;
    int rc;
    if (name != NULL && !recipe && (command = command_find(name)) == NULL)
        return command_unknown(name, error);
    if (arguments_text(args, "completion") != NULL)
        (void)complete_script(arguments_text(args, "completion"), &out);
    else if (arguments_flag(args, "commands"))
        for (size_t i = 0; commands[i] != NULL; i++)
            buf_printf(&out, "%s\n", commands[i]->name);
    else if (arguments_flag(args, "man"))
        recipe ? man_recipe(&out) : man_page(command, &out);
    else
        recipe ? help_recipe(&out) : help_full(command, &out);
    rc = output_write(buf_view(&out), error);
    buf_free(&out);
    return rc;
}

const struct command cmd_help = {
    .name = "help",
    .summary = "explain a command, print manual pages and shell completions",
    .description = "Without a command: what retort is, and its commands. With one: its operands, "
                   "options and examples, the same as retort COMMAND --help.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = help_run,
};
