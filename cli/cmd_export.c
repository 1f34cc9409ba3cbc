/* retort export: rows out of a dataset. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/signals.h"
#include "corpus/exchange.h"

#include <string.h>

static const struct command_operand operands[] = {
    {.name = "DB", .kind = VALUE_FILE, .help = "the dataset file"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "format",
     .letter = 'f',
     .kind = VALUE_CHOICE,
     .argument = "NAME",
     .fallback = "jsonl",
     .choices = "alpaca|jsonl|sharegpt|messages|decisions|soft-labels",
     .help = "the format of the rows"},
    {.name = "removed", .kind = VALUE_NONE, .help = "the removed rows instead of the kept ones"},
    {.name = "all", .kind = VALUE_NONE, .help = "kept and removed rows"},
    {.name = "out",
     .letter = 'o',
     .kind = VALUE_FILE,
     .argument = "FILE",
     .help = "write there, all or nothing; standard output without it"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort export tickets.db --format alpaca -o tickets.json", "for another trainer"},
    {"retort export tickets.db --removed | head", "what the filter took out"},
    {"retort export tickets.db --format decisions", "kept or not, and why, one line a row"},
    {"retort export tickets.db --format soft-labels", "each token's logprob and its alternatives"},
    EXAMPLES_END,
};

static void left_out(void *context, const char *id, const char *why)
{
    int *shown = context;
    if ((*shown)++ < 20)
        output_note("row %s is left out: %s", id, why);
}

static int to_stdout(void *context, const void *data, size_t len, struct error *error)
{
    (void)context;
    return output_write(slice_from(data, len), error);
}

static enum samples_which which_of(const struct arguments *args)
{
    if (arguments_flag(args, "all"))
        return SAMPLES_ALL;
    if (arguments_flag(args, "removed"))
        return SAMPLES_REMOVED;
    return strcmp(arguments_text(args, "format"), "decisions") == 0 ? SAMPLES_ALL : SAMPLES_KEPT;
}

static int export_run(const struct arguments *args, struct error *error)
{
    static const struct export_sink standard_output = {to_stdout, NULL};
    int shown = 0, rc;
    const struct export_options o = {
        .format = arguments_text(args, "format"),
        .which = which_of(args),
        .left_out = left_out,
        .context = &shown,
    };
    const char *path = arguments_text(args, "out");
    struct export_counts n = {0};
    struct corpus *c;
    if (arguments_flag(args, "all") && arguments_flag(args, "removed"))
        return error_set(error, ERROR_USAGE, "export: choose --all or --removed");
    if ((c = corpus_open(arguments_operand(args, 0), CORPUS_READ, error)) == NULL)
        return -1;
    signals_install();
    if (path == NULL || strcmp(path, "-") == 0)
        rc = export_rows(c, &o, &standard_output, NULL, &n, error);
    else
        rc = export_file(c, &o, path, output_progress(), &n, error);
    if (rc == 0)
        output_note("%llu rows written%s%s", (unsigned long long)n.written,
                    path == NULL ? "" : " to ", path == NULL ? "" : path);
    corpus_close(c);
    return rc;
}

const struct command cmd_export = {
    .name = "export",
    .summary = "write rows as Alpaca JSON, JSONL, ShareGPT, messages, decisions or soft labels",
    .description = "Writes the kept rows in the order they were stored. The format decisions says "
                   "of every row whether it is kept, which rules fired, and what it is a duplicate "
                   "of; soft-labels gives the replies' tokens with their logprobs, as OpenAI "
                   "writes them. A file given by -o appears whole or not at all.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = export_run,
};
