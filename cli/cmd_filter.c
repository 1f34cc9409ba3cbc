/* retort filter: judge the rows; a person's word on single rows. */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/stage.h"
#include "filter/filter.h"

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
     .help = "report what would be lost and why; change nothing"},
    {.name = "again",
     .kind = VALUE_NONE,
     .help = "judge every row anew, stored signatures included"},
    {.name = "against",
     .kind = VALUE_FILE,
     .argument = "DB",
     .help = "remove what the kept rows of another dataset have already"},
    {.name = "keep",
     .kind = VALUE_TEXT,
     .argument = "ID",
     .many = true,
     .help = "decide that a row stays, whatever the rules say; may be repeated"},
    {.name = "drop",
     .kind = VALUE_TEXT,
     .argument = "ID",
     .many = true,
     .help = "decide that a row goes; may be repeated"},
    {.name = "forget",
     .kind = VALUE_TEXT,
     .argument = "ID",
     .many = true,
     .help = "take such a decision back; may be repeated"},
    {.name = "why",
     .kind = VALUE_TEXT,
     .argument = "WORDS",
     .help = "the reason of --keep or --drop, stored with it"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort filter recipe.jsonc --dry-run", "what would go, rule by rule, with samples"},
    {"retort filter recipe.jsonc", "judge; given again, only new rows are judged"},
    {"retort filter -d tickets.db", "the default rules on an imported dataset"},
    {"retort filter recipe.jsonc --drop 17 --why \"about another product\"", "your own verdict"},
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

const struct stage_kind stage_filter = {.name = "filter", .call = filter_call};

typedef int decide(struct corpus *c, const char *id, const char *why, struct error *error);

static int forget(struct corpus *c, const char *id, const char *why, struct error *error)
{
    (void)why;
    return filter_forget(c, id, error);
}

static int decide_each(struct corpus *c, const struct arguments *args, const char *option,
                       decide *fn, struct error *error)
{
    for (size_t i = 0; i < arguments_count(args, option); i++) {
        const char *id = arguments_nth(args, option, i);
        if (fn(c, id, arguments_text(args, "why"), error) != 0)
            return -1;
        output_note("%s: %s", id,
                    fn == filter_keep   ? "kept, whatever the rules say"
                    : fn == filter_drop ? "removed"
                                        : "left to the rules again");
    }
    return 0;
}

static int decisions(const struct arguments *args, struct error *error)
{
    struct stage s;
    int rc;
    if (arguments_flag(args, "dry-run"))
        return error_set(error, ERROR_USAGE,
                         "filter: --dry-run goes with judging, not with "
                         "--keep, --drop or --forget");
    if (stage_open(&s, args, false, false, error) != 0)
        return -1;
    rc = decide_each(s.corpus, args, "keep", filter_keep, error);
    if (rc == 0)
        rc = decide_each(s.corpus, args, "drop", filter_drop, error);
    if (rc == 0)
        rc = decide_each(s.corpus, args, "forget", forget, error);
    stage_close(&s);
    return rc;
}

static int filter_command(const struct arguments *args, struct error *error)
{
    if (arguments_count(args, "keep") + arguments_count(args, "drop") +
            arguments_count(args, "forget") >
        0)
        return decisions(args, error);
    return stage_command(&stage_filter, args, error);
}

const struct command cmd_filter = {
    .name = "filter",
    .summary = "judge the rows: duplicates, defects, contradictions",
    .description =
        "Judges every row by the recipe's rules and stores each rule that fires, with its value, "
        "its threshold, the place in the text and the row it matches. A removed row stays in the "
        "dataset; `retort show` and `retort export --removed` tell why it went. Near-duplicates "
        "are verified exactly, and each removed row names the kept row it duplicates.\n\n"
        "Given again, it judges the rows that came since and compares them with the old ones; "
        "with other settings it judges all rows, with the stored signatures. The outcome does not "
        "depend on the number of threads or the order of the rows.\n\n"
        "--keep, --drop and --forget store a person's decision and judge nothing; decisions "
        "outrank every rule and survive later runs.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .recipe = true,
    .run = filter_command,
};
