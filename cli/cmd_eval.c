/* retort eval: measure the student. */
#include "cli/commands.h"
#include "cli/stage.h"
#include "core/file.h"
#include "core/mem.h"
#include "corpus/samples.h"
#include "eval/eval.h"

static const struct command_operand operands[] = {
    {.name = "RECIPE", .kind = VALUE_FILE, .help = "the recipe (JSON with comments)"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "dry-run",
     .letter = 'n',
     .kind = VALUE_NONE,
     .help = "print which models would be measured on what; ask nothing"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort eval recipe.jsonc", "loss and replies on the held-out rows, before and after"},
    {"retort eval recipe.jsonc --set eval.suite=tasks.jsonl", "and a suite of tasks"},
    {"retort eval recipe.jsonc --set 'eval.models=[\"base\",\"student\",\"teacher\"]'",
     "the teacher too; it is asked, each prompt once"},
    EXAMPLES_END,
};

static int eval_call(struct stage *s, const struct arguments *args, struct buf *report,
                     struct error *error)
{
    const struct eval_options o = {.run_id = s->run_id, .dry_run = s->dry_run};
    (void)args;
    return eval_run(s->recipe, s->corpus, &o, s->progress, report, error);
}

static const char *eval_needless(const struct recipe *recipe)
{
    bool student = recipe_text(recipe, "train.student") != NULL;
    bool suite = json_type(recipe_get(recipe, "eval.suite")) > JSON_NULL;
    return student || suite ? NULL : "neither train.student nor eval.suite is set";
}

/* The held-out rows, how the student was trained, and the student itself. */
static int eval_inputs(struct stage *s, struct hash128 *h, struct error *error)
{
    struct hash128 rows;
    struct buf block = BUF;
    char *out = recipe_path(s->recipe, "train.out");
    char *weights = file_join(out, "model.safetensors");
    int rc = samples_digest(s->corpus, SAMPLES_KEPT, &rows, error);
    if (rc == 0)
        *h = hash128_add(*h, &rows, sizeof rows);
    json_write(recipe_get(s->recipe, "train"), JSON_CANONICAL, &block);
    json_write(recipe_get(s->recipe, "teacher"), JSON_CANONICAL, &block);
    *h = hash128_add(*h, buf_text(&block), block.len);
    stage_fold_file(h, weights);
    buf_free(&block);
    mem_free(weights);
    mem_free(out);
    return rc;
}

const struct stage_kind stage_eval = {.name = "eval",
                                      .creates = true,
                                      .call = eval_call,
                                      .needless = eval_needless,
                                      .inputs = eval_inputs};

static int eval_command(const struct arguments *args, struct error *error)
{
    return stage_command(&stage_eval, args, error);
}

const struct command cmd_eval = {
    .name = "eval",
    .summary = "measure the student beside what it was and its teacher",
    .description =
        "Measures the loss on the rows that train held out, has every model answer some of their "
        "prompts, and scores the models on suites of tasks: JSONL files of prompt, answer and "
        "grader, or the files of GSM8K, MATH-500, IFEval and MT-Bench. Accuracies come with their "
        "intervals, pairs of models with a test on the same items.\n\n"
        "Answers are kept in the dataset, so the command can be stopped at any time and given "
        "again, and a teacher is never paid twice for one.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .recipe = true,
    .run = eval_command,
};
