/* retort status: what a dataset holds, also while it is being written. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/json.h"
#include "corpus/check.h"
#include "corpus/corpus.h"
#include "corpus/status.h"

static const struct command_operand operands[] = {
    {.name = "DB", .kind = VALUE_FILE, .help = "the dataset file"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "check",
     .kind = VALUE_NONE,
     .help = "read everything and verify that the file is whole; exit status 1 where it is not"},
    {.name = "backup",
     .kind = VALUE_FILE,
     .argument = "FILE",
     .help = "also write a consistent copy to FILE, which must not exist"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort status tickets.db", "requests, rows, money, runs; live"},
    {"retort status tickets.db --json", "the same for a script"},
    {"retort status tickets.db --check", "is the file whole?"},
    {"retort status tickets.db --backup copy.db", "a copy, also while gen is writing"},
    EXAMPLES_END,
};

/* For a person, what is empty is left out. */
static void drop_empty(struct json *report)
{
    static const char *const names[] = {"failures",    "removed_by_rule", "flagged_by_rule",
                                        "teachers",    "batches",         "runs",
                                        "checkpoints", "evaluations",     NULL};
    for (size_t i = 0; names[i] != NULL; i++)
        if (json_count(json_get(report, names[i])) == 0)
            json_remove(report, names[i]);
}

static int show_status(struct corpus *c, struct error *error)
{
    struct json *report = corpus_status(c, error);
    struct buf text = BUF;
    int rc;
    if (report == NULL)
        return -1;
    if (!output_json())
        drop_empty(report);
    json_write(report, 0, &text);
    rc = output_report(&text, error);
    json_free(report);
    buf_free(&text);
    return rc;
}

static int check(struct corpus *c, struct error *error)
{
    struct buf findings = BUF;
    int n = check_run(c, &findings, error);
    output_problems(&findings);
    buf_free(&findings);
    if (n > 0)
        return error_set(error, ERROR_FAILED,
                         "%s: %d findings (above); restore a backup, or export what is there",
                         corpus_path(c), n);
    if (n == 0)
        output_note("%s is whole", corpus_path(c));
    return n;
}

static int status_run(const struct arguments *args, struct error *error)
{
    const char *backup = arguments_text(args, "backup");
    struct corpus *c = corpus_open(arguments_operand(args, 0), CORPUS_READ, error);
    int rc = -1;
    if (c == NULL)
        return -1;
    if (show_status(c, error) == 0 && (backup == NULL || corpus_backup(c, backup, error) == 0))
        rc = arguments_flag(args, "check") ? check(c, error) : 0;
    corpus_close(c);
    return rc;
}

const struct command cmd_status = {
    .name = "status",
    .summary = "what a dataset holds: requests, rows, money, runs; live",
    .description =
        "Shows the requests (answered, failed, waiting) and why some failed, tokens and money, "
        "rows kept and removed and by which rule, runs, checkpoints and evaluations. Works on a "
        "file that another process is writing. The teacher's key is not in the file.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = status_run,
};
