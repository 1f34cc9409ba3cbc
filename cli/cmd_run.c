/* retort run: the stages of a recipe in a row, resuming at the first unfinished one. */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/stage.h"
#include "core/json.h"

#include <string.h>

static const struct stage_kind *const stages[] = {&stage_gen, &stage_filter, &stage_train,
                                                  &stage_eval, NULL};

static const struct command_operand operands[] = {
    {.name = "RECIPE", .kind = VALUE_FILE, .help = "the recipe (JSON with comments)"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "dry-run",
     .letter = 'n',
     .kind = VALUE_NONE,
     .help = "say which stages would run, and run none"},
    {.name = "until",
     .kind = VALUE_CHOICE,
     .argument = "STAGE",
     .choices = "gen|filter|train|eval",
     .help = "stop behind this stage"},
    {.name = "again",
     .kind = VALUE_NONE,
     .help = "run every stage, also those that nothing has changed for"},
    {.name = "go-on",
     .kind = VALUE_NONE,
     .help = "go on with what there is when gen could not get every reply"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort run recipe.jsonc", "the whole way, or what is left of it"},
    {"retort run recipe.jsonc --until filter", "dataset only"},
    {"retort run recipe.jsonc --set train.epochs=5",
     "train and measure again; nothing is asked again"},
    EXAMPLES_END,
};

/* Adds {"state": …, "report": …} under the stage's name to the reports, and shows it.  A stage that
 * found nothing to do ("up_to_date" in its report) says no more than that. */
static int show(struct json *all, const struct stage_kind *kind, const char *state,
                const struct buf *report, struct error *error)
{
    struct error none = {ERROR_NONE, ""};
    struct json *one = json_new_object();
    struct json *tree = report->len == 0 ? NULL : json_parse(buf_view(report), JSON_REPAIR, &none);
    bool idle = json_true(json_get(tree, "up_to_date"));
    state = idle ? "up to date" : state;
    json_put_text(one, "state", state);
    if (tree != NULL)
        json_put(one, "report", tree);
    json_put(all, kind->name, one);
    if (output_json())
        return 0;
    output_heading("%s: %s", kind->name, state);
    return idle ? 0 : output_report(report, error);
}

static int run_one(struct stage *s, const struct stage_kind *kind, const struct arguments *args,
                   struct json *all, struct error *error)
{
    struct error second = {ERROR_NONE, ""};
    struct buf report = BUF;
    const char *why = kind->needless(s->recipe);
    const char *state = "done";
    int rc = 0, fresh = 0;
    if (why == NULL && !arguments_flag(args, "again") && (fresh = stage_fresh(s, kind, error)) < 0)
        return -1;
    if (why != NULL)
        state = why;
    else if (fresh == 1)
        state = "up to date";
    else if (s->dry_run)
        state = "would run";
    else if ((rc = stage_run(s, kind, NULL, &report, error)) != 0)
        state = error->code == ERROR_PARTIAL ? "partial" : "stopped";
    if (show(all, kind, state, &report, rc == 0 ? error : &second) != 0)
        rc = -1;
    if (rc != 0 && error->code == ERROR_PARTIAL && arguments_flag(args, "go-on")) {
        output_problem(error->text);
        rc = 0;
    }
    buf_free(&report);
    return rc;
}

static int run_run(const struct arguments *args, struct error *error)
{
    struct stage s;
    const char *until = arguments_text(args, "until");
    struct json *all;
    struct buf text = BUF;
    int rc = 0;
    if (stage_open(&s, args, arguments_flag(args, "dry-run"), true, error) != 0)
        return -1;
    all = json_new_object();
    for (size_t i = 0; stages[i] != NULL && rc == 0; i++) {
        rc = run_one(&s, stages[i], args, all, error);
        if (until != NULL && strcmp(until, stages[i]->name) == 0)
            break;
    }
    if (output_json()) {
        struct error second = {ERROR_NONE, ""};
        json_write(all, 0, &text);
        if (output_report(&text, rc == 0 ? error : &second) != 0)
            rc = -1;
    }
    json_free(all);
    buf_free(&text);
    stage_close(&s);
    return rc;
}

const struct command cmd_run = {
    .name = "run",
    .summary = "run every stage of a recipe, resuming at the first unfinished one",
    .description =
        "Runs gen, filter, train and eval in this order. A stage that has finished on the same "
        "rows with the same settings is left out, so the command can be stopped at any time and "
        "given again: nothing that was paid for is asked twice, and only what a change touches is "
        "done again. Stages that the recipe does not ask for (no prompts, no student, no suite) "
        "are left out too.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .recipe = true,
    .run = run_run,
};
