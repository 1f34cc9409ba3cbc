/* retort filter: judge the rows. */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/stage.h"
#include "corpus/samples.h"
#include "filter/filter.h"

#include <string.h>

static const struct command_operand operands[] = {
    {.name = "RECIPE",
     .kind = VALUE_FILE,
     .optional = true,
     .help = "the recipe (JSON with comments); without it the default rules, and --dataset"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "dry-run",
     .letter = 'n',
     .kind = VALUE_NONE,
     .help = "print the loss report only; record no verdict"},
    {.name = "again", .kind = VALUE_NONE, .help = "judge every row anew, signatures included"},
    {.name = "against",
     .kind = VALUE_FILE,
     .argument = "DB",
     .help = "another dataset whose kept rows count as here already"},
    {.name = "keep",
     .kind = VALUE_TEXT,
     .argument = "ID",
     .many = true,
     .help = "a person's word: keep this row, whatever the rules say"},
    {.name = "drop",
     .kind = VALUE_TEXT,
     .argument = "ID",
     .many = true,
     .help = "a person's word: remove this row"},
    {.name = "forget",
     .kind = VALUE_TEXT,
     .argument = "ID",
     .many = true,
     .help = "take the person's word on this row back"},
    {.name = "why",
     .kind = VALUE_TEXT,
     .argument = "TEXT",
     .help = "the reason of --keep or --drop"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort filter recipe.jsonc --dry-run", "what would go, and why"},
    {"retort filter recipe.jsonc --drop 17 --why 'wrong answer'",
     "a person's word; rules do not undo it"},
    {"retort filter -d tickets.db", "the default rules on an imported dataset"},
    {"retort filter recipe.jsonc --set filter.near.threshold=0.7", "a stricter threshold"},
    EXAMPLES_END,
};

static int filter_call(struct stage *s, const struct arguments *args, struct buf *report,
                       struct error *error)
{
    const struct filter_options o = {
        .run_id = s->run_id,
        .dry_run = s->dry_run,
        .again = args != NULL && arguments_flag(args, "again"),
        .against = args != NULL ? arguments_text(args, "against") : NULL,
    };
    return filter_run(s->recipe, s->corpus, &o, s->progress, report, error);
}

static const char *filter_needless(const struct recipe *recipe)
{
    return json_count(recipe_get(recipe, "filter.rules")) == 0 ? "filter.rules is empty" : NULL;
}

static int filter_inputs(struct stage *s, struct hash128 *h, struct error *error)
{
    struct hash128 rows;
    if (samples_digest(s->corpus, SAMPLES_ALL, &rows, error) != 0)
        return -1;
    *h = hash128_add(*h, &rows, sizeof rows);
    return 0;
}

const struct stage_kind stage_filter = {.name = "filter",
                                        .call = filter_call,
                                        .needless = filter_needless,
                                        .inputs = filter_inputs};

/* ---- a person's word ----------------------------------------------------------------------- */

typedef int word_fn(struct corpus *c, const char *id, const char *why, struct error *error);

static int forget(struct corpus *c, const char *id, const char *why, struct error *error)
{
    (void)why;
    return filter_forget(c, id, error);
}

static int say(struct corpus *c, const struct arguments *args, const char *option, word_fn *fn,
               struct error *error)
{
    const char *why = arguments_text(args, "why");
    for (size_t i = 0; i < arguments_count(args, option); i++)
        if (fn(c, arguments_nth(args, option, i), why, error) != 0)
            return -1;
    return 0;
}

static size_t words(const struct arguments *args)
{
    return arguments_count(args, "keep") + arguments_count(args, "drop") +
           arguments_count(args, "forget");
}

/* Is the same row named for two of them? */
static int contradict(const struct arguments *args, const char *one, const char *other,
                      struct error *error)
{
    for (size_t i = 0; i < arguments_count(args, one); i++)
        for (size_t k = 0; k < arguments_count(args, other); k++)
            if (strcmp(arguments_nth(args, one, i), arguments_nth(args, other, k)) == 0)
                return error_set(error, ERROR_USAGE, "filter: --%s and --%s of the same row %s",
                                 one, other, arguments_nth(args, one, i));
    return 0;
}

static int filter_words(const struct arguments *args, struct error *error)
{
    struct stage s;
    int rc = -1;
    if (arguments_flag(args, "dry-run"))
        return error_set(error, ERROR_USAGE,
                         "filter: --dry-run does not go with --keep, --drop or --forget");
    if (contradict(args, "keep", "drop", error) != 0 ||
        contradict(args, "keep", "forget", error) != 0 ||
        contradict(args, "drop", "forget", error) != 0 ||
        stage_open(&s, args, false, false, error) != 0)
        return -1;
    if (say(s.corpus, args, "keep", filter_keep, error) == 0 &&
        say(s.corpus, args, "drop", filter_drop, error) == 0 &&
        say(s.corpus, args, "forget", forget, error) == 0) {
        output_note("%zu rows decided by hand", words(args));
        rc = 0;
    }
    stage_close(&s);
    return rc;
}

static int filter_command(const struct arguments *args, struct error *error)
{
    return words(args) > 0 ? filter_words(args, error) : stage_command(&stage_filter, args, error);
}

const struct command cmd_filter = {
    .name = "filter",
    .summary = "judge the rows: duplicates, defects, and why",
    .description =
        "Runs the recipe's rules over every row and records a verdict for each rule that fires: "
        "its value, threshold, the matched row. Removing is a verdict, never a deletion: nothing "
        "is lost, and thresholds can be moved and the command given again. The report says how "
        "many rows each rule removes alone and together with others. With --keep, --drop or "
        "--forget "
        "no rule is run: a person's decision is recorded, which no rule changes.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .recipe = true,
    .run = filter_command,
};
