/* retort gen: ask the teacher. */
#include "cli/commands.h"
#include "cli/stage.h"
#include "gen/gen.h"

static const struct command_operand operands[] = {
    {.name = "RECIPE", .kind = VALUE_FILE, .help = "the recipe (JSON with comments)"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "dry-run",
     .letter = 'n',
     .kind = VALUE_NONE,
     .help = "print requests, tokens and cost; send nothing"},
    {.name = "reparse",
     .kind = VALUE_NONE,
     .help = "make the rows again from the stored replies; asks nothing"},
    {.name = "cancel-batches",
     .kind = VALUE_NONE,
     .help = "cancel the batches that are with the teacher and fetch what they have; asks nothing"},
    {.name = "redo",
     .kind = VALUE_TEXT,
     .argument = "CAUSE",
     .help = "ask those again that ended so: truncated, failed, or a cause that status names"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort gen recipe.jsonc --dry-run", "what it would cost"},
    {"retort gen recipe.jsonc", "ask; given again, it goes on where it stopped"},
    {"retort gen recipe.jsonc --redo truncated --set gen.max_tokens=4096",
     "ask the cut replies again, with more room"},
    EXAMPLES_END,
};

static int gen_call(struct stage *s, const struct arguments *args, struct buf *report,
                    struct error *error)
{
    const struct gen_options o = {
        .run_id = s->run_id,
        .dry_run = s->dry_run,
        .reparse = args != NULL && arguments_flag(args, "reparse"),
        .cancel = args != NULL && arguments_flag(args, "cancel-batches"),
        .redo = args != NULL ? arguments_text(args, "redo") : NULL,
    };
    return gen_run(s->recipe, s->corpus, &o, s->progress, report, error);
}

static const char *gen_needless(const struct recipe *recipe)
{
    return recipe_text(recipe, "gen.prompts") == NULL ? "gen.prompts is not set" : NULL;
}

const struct stage_kind stage_gen = {.name = "gen",
                                     .creates = true,
                                     .call = gen_call,
                                     .needless = gen_needless};

static int gen_command(const struct arguments *args, struct error *error)
{
    return stage_command(&stage_gen, args, error);
}

const struct command cmd_gen = {
    .name = "gen",
    .summary = "ask the teacher and store every reply",
    .description =
        "Makes requests from the recipe's prompts by its strategy, sends them, and stores every "
        "reply in the dataset before anything looks inside it. A request that was answered is "
        "never sent again: the command may be interrupted or killed at any time and given again. "
        "With a budget, money is reserved before sending and the cap is never passed.\n\n"
        "Exit status 3 says that some requests are still waiting or failed for a passing cause; "
        "the same command goes on with them.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .recipe = true,
    .run = gen_command,
};
