/* retort import: rows of other tools into a dataset. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/json.h"
#include "core/signals.h"
#include "corpus/exchange.h"
#include "corpus/runs.h"

static const struct command_operand operands[] = {
    {.name = "DB", .kind = VALUE_FILE, .help = "the dataset file; made when missing"},
    {.name = "FILE",
     .kind = VALUE_FILE,
     .many = true,
     .help = "a file of rows, or - for standard input"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "format",
     .letter = 'f',
     .kind = VALUE_CHOICE,
     .argument = "NAME",
     .choices = "alpaca|jsonl|sharegpt|messages",
     .help = "the format of the files; without it each record tells by its fields"},
    {.name = "strict",
     .kind = VALUE_NONE,
     .help = "a bad record ends the import of its file, and nothing of it is stored"},
    {.name = "source",
     .kind = VALUE_TEXT,
     .argument = "NAME",
     .help = "where the rows are said to come from, instead of the file's name"},
    {.name = "id-field",
     .kind = VALUE_TEXT,
     .argument = "NAME",
     .help = "the field that holds the id"},
    {.name = "system-field",
     .kind = VALUE_TEXT,
     .argument = "NAME",
     .help = "the field that holds the system prompt"},
    {.name = "instruction-field",
     .kind = VALUE_TEXT,
     .argument = "NAME",
     .help = "the field that holds the instruction"},
    {.name = "input-field",
     .kind = VALUE_TEXT,
     .argument = "NAME",
     .help = "the field that holds the input"},
    {.name = "output-field",
     .kind = VALUE_TEXT,
     .argument = "NAME",
     .help = "the field that holds the reply"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort import rows.db alpaca_data.json", "the format is told from the records"},
    {"retort import rows.db qa.jsonl --instruction-field question --output-field answer",
     "fields of other names"},
    {"zcat rows.jsonl.gz | retort import rows.db -", "from a pipe"},
    EXAMPLES_END,
};

enum { FAULTS_SHOWN = 20 };

struct faults {
    uint64_t shown, hidden;
};

static void fault(void *context, const char *file, uint64_t line, bool repaired, const char *what)
{
    struct faults *f = context;
    if (f->shown == FAULTS_SHOWN) {
        f->hidden++;
        return;
    }
    f->shown++;
    output_note("%s:%llu: %s%s", file, (unsigned long long)line, repaired ? "repaired: " : "",
                what);
}

static void report_counts(const struct import_counts *n, struct buf *report)
{
    struct json *o = json_new_object();
    json_put_integer(o, "records", (int64_t)n->records);
    json_put_integer(o, "added", (int64_t)n->added);
    json_put_integer(o, "there_already", (int64_t)n->there);
    json_put_integer(o, "bad", (int64_t)n->bad);
    json_put_integer(o, "repaired", (int64_t)n->repaired);
    json_write(o, 0, report);
    json_free(o);
}

static int import_files(struct corpus *c, const struct arguments *args, struct import_counts *n,
                        struct error *error)
{
    struct faults faults = {0, 0};
    const struct import_options o = {
        .format = arguments_text(args, "format"),
        .source = arguments_text(args, "source"),
        .names = {.id = arguments_text(args, "id-field"),
                  .system = arguments_text(args, "system-field"),
                  .instruction = arguments_text(args, "instruction-field"),
                  .input = arguments_text(args, "input-field"),
                  .output = arguments_text(args, "output-field")},
        .strict = arguments_flag(args, "strict"),
        .fault = fault,
        .context = &faults,
    };
    struct progress *progress = output_progress();
    int rc = 0;
    for (size_t i = 1; rc == 0 && arguments_operand(args, i) != NULL; i++)
        rc = import_file(c, arguments_operand(args, i), &o, progress, n, error);
    if (faults.hidden > 0)
        output_note("%llu more records like these were not shown",
                    (unsigned long long)faults.hidden);
    return rc;
}

static int import_run(const struct arguments *args, struct error *error)
{
    struct corpus *c = corpus_open(arguments_operand(args, 0), CORPUS_CREATE, error);
    struct error second = {ERROR_NONE, ""};
    struct import_counts n = {0};
    struct buf report = BUF;
    int64_t run;
    int rc = -1;
    if (c == NULL)
        return -1;
    signals_install();
    if ((run = runs_start(c, "import", NULL, NULL, error)) < 0)
        goto done;
    rc = import_files(c, args, &n, error);
    if (rc == 0 || n.records > 0)
        report_counts(&n, &report);
    if (runs_end(c, run, rc == 0 ? "done" : "failed", buf_text(&report),
                 rc == 0 ? error : &second) != 0 ||
        output_report(&report, rc == 0 ? error : &second) != 0)
        rc = -1;
done:
    buf_free(&report);
    corpus_close(c);
    return rc;
}

const struct command cmd_import = {
    .name = "import",
    .summary = "add rows in Alpaca JSON, JSONL, ShareGPT or messages form to a dataset",
    .description =
        "Reads rows and stores them, an id given by a file included. A row that is there already "
        "is counted and not stored again, so an import that was stopped can be given again. A bad "
        "record is reported with its line and left out; with --strict it is an error and nothing "
        "of its file is stored. Memory does not grow with the files.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = import_run,
};
