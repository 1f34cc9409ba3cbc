#include "cli/command.h"
#include "cli/commands.h"
#include "core/nearest.h"

#include <string.h>

/* One line a command. */
/* clang-format off */
const struct command *const commands[] = {
    &cmd_init,
    &cmd_run,
    &cmd_gen,
    &cmd_filter,
    &cmd_train,
    &cmd_eval,
    &cmd_serve,
    &cmd_chat,
    &cmd_status,
    &cmd_show,
    &cmd_import,
    &cmd_export,
    &cmd_report,
    &cmd_new_model,
    &cmd_show_model,
    &cmd_export_model,
    &cmd_doctor,
    &cmd_help,
    NULL,
};
/* clang-format on */

static const struct command_option recipe_options[] = {
    {.name = "set",
     .letter = 's',
     .kind = VALUE_TEXT,
     .argument = "FIELD=VALUE",
     .many = true,
     .help = "override one recipe field, e.g. train.rank=16; may be repeated"},
    {.name = "dataset",
     .letter = 'd',
     .kind = VALUE_FILE,
     .argument = "DB",
     .recipe = "dataset",
     .help = "the dataset file, instead of the recipe's"},
    {.name = "seed",
     .kind = VALUE_INTEGER,
     .argument = "N",
     .recipe = "seed",
     .help = "the seed of everything random, instead of the recipe's"},
    {.name = "threads",
     .letter = 't',
     .kind = VALUE_INTEGER,
     .argument = "N",
     .recipe = "threads",
     .help = "threads to use, instead of the recipe's; 0: as many as there are processors"},
    OPTIONS_END,
};

static const struct command_option common_options[] = {
    {.name = "json", .kind = VALUE_NONE, .help = "print JSON instead of tables"},
    {.name = "quiet",
     .letter = 'q',
     .kind = VALUE_NONE,
     .help = "print nothing but results and errors"},
    {.name = "no-progress", .kind = VALUE_NONE, .help = "draw no progress"},
    {.name = "color",
     .kind = VALUE_CHOICE,
     .argument = "WHEN",
     .fallback = "auto",
     .choices = "auto|always|never",
     .help = "colour: auto follows the terminal and the NO_COLOR variable"},
    {.name = "help",
     .letter = 'h',
     .kind = VALUE_NONE,
     .help = "show help: -h the options, --help everything"},
    {.name = "version", .letter = 'V', .kind = VALUE_NONE, .help = "show the version"},
    OPTIONS_END,
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

int command_unknown(const char *name, struct error *error)
{
    struct nearest n = nearest_start(name);
    for (size_t i = 0; commands[i] != NULL; i++)
        nearest_try(&n, commands[i]->name);
    if (nearest_word(&n) != NULL)
        return error_set(error, ERROR_USAGE, "there is no command \"%s\"; did you mean %s?", name,
                         nearest_word(&n));
    return error_set(error, ERROR_USAGE, "there is no command \"%s\"; retort -h lists them", name);
}

static const struct command_option *nth(const struct command_option *options, size_t *index)
{
    if (options == NULL)
        return NULL;
    for (; options->name != NULL; options++)
        if ((*index)-- == 0)
            return options;
    return NULL;
}

const struct command_option *option_at(const struct command *command, size_t index)
{
    const struct command_option *found = command == NULL ? NULL : nth(command->options, &index);
    if (found == NULL && command != NULL && command->recipe)
        found = nth(recipe_options, &index);
    if (found == NULL)
        found = nth(common_options, &index);
    return found;
}
