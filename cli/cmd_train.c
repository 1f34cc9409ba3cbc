/* retort train: fine-tune the student. */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/stage.h"
#include "train/ranks.h"
#include "train/train.h"

#include <unistd.h>

static const struct command_operand operands[] = {
    {.name = "RECIPE", .kind = VALUE_FILE, .help = "the recipe (JSON with comments)"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "dry-run",
     .letter = 'n',
     .kind = VALUE_NONE,
     .help = "print rows, memory, time and what of a row is learnt; train nothing"},
    {.name = "restart",
     .kind = VALUE_NONE,
     .help = "forget the checkpoints of a stopped run and begin anew"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort train recipe.jsonc --dry-run", "will it fit, how long will it take, what is learnt"},
    {"retort train recipe.jsonc", "train; given again after a stop, it goes on bit for bit"},
    {"retort train recipe.jsonc --set train.method=lora --set train.rank=16", "LoRA instead"},
    EXAMPLES_END,
};

static void line(void *context, const char *text)
{
    (void)context;
    output_line(text);
}

static int train_call(struct stage *s, const struct arguments *args, struct buf *report,
                      struct error *error)
{
    const struct train_listener listener = {.line = line};
    const struct train_options o = {
        .run_id = s->run_id,
        .dry_run = s->dry_run,
        .restart = args != NULL && arguments_flag(args, "restart"),
        .colour = output_color_on(STDERR_FILENO),
        .listener = &listener,
    };
    return train_run(s->recipe, s->corpus, &o, s->progress, report, error);
}

static const char *train_needless(const struct recipe *recipe)
{
    return recipe_text(recipe, "train.student") == NULL ? "train.student is not set" : NULL;
}

const struct stage_kind stage_train = {.name = "train",
                                       .call = train_call,
                                       .needless = train_needless};

/* A process that mpirun started beside the first: it reads, computes and stays silent. */
static int follow(const struct arguments *args, struct error *error)
{
    const struct train_options o = {.restart = arguments_flag(args, "restart")};
    struct stage s;
    struct buf nothing = BUF;
    int status;
    if (stage_open(&s, args, true, false, error) != 0)
        return -1;
    status = train_run(s.recipe, s.corpus, &o, NULL, &nothing, error);
    stage_close(&s);
    buf_free(&nothing);
    return status;
}

static int train_command(const struct arguments *args, struct error *error)
{
    if (ranks_follower() && !arguments_flag(args, "dry-run"))
        return follow(args, error);
    return stage_command(&stage_train, args, error);
}

const struct command cmd_train = {
    .name = "train",
    .summary = "fine-tune the student on the kept rows",
    .description =
        "Fine-tunes the recipe's student, a Hugging Face folder, on the kept rows: in full or with "
        "LoRA. Only replies are learnt, prompts are masked. The result is a Hugging Face folder "
        "again. A run that was stopped, in any way, goes on from its newest checkpoint and ends "
        "with the bytes an undisturbed run ends with.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .recipe = true,
    .run = train_command,
};
