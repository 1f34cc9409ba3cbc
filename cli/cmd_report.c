/* retort report: the page a person looks at. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/file.h"
#include "core/signals.h"
#include "corpus/corpus.h"
#include "report/report.h"

#include <string.h>

static const struct command_operand operands[] = {
    {.name = "DB", .kind = VALUE_FILE, .help = "the dataset file"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "out",
     .letter = 'o',
     .kind = VALUE_FILE,
     .argument = "FILE",
     .help = "where the page goes: DB.html beside the dataset by default; - is standard output"},
    {.name = "rows",
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "1000",
     .help = "how many rows to put in for reading, an even choice where there are more"},
    {.name = "title",
     .kind = VALUE_TEXT,
     .argument = "TEXT",
     .help = "the page's title, instead of the dataset's name"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort report tickets.db -o report.html", "one file to open in any browser"},
    EXAMPLES_END,
};

static int deliver(const struct arguments *args, const struct buf *page, struct error *error)
{
    const char *given = arguments_text(args, "out");
    struct buf path = BUF;
    int rc;
    if (given != NULL && strcmp(given, "-") == 0)
        return output_write(buf_view(page), error);
    if (given != NULL)
        buf_str(&path, given);
    else
        buf_printf(&path, "%s.html", arguments_operand(args, 0));
    rc = file_replace(buf_text(&path), buf_view(page), error);
    if (rc == 0)
        output_note("open %s in a browser (%.1f MB)", buf_text(&path), (double)page->len / 1e6);
    buf_free(&path);
    return rc;
}

static int report_run(const struct arguments *args, struct error *error)
{
    const struct report_options o = {
        .rows = (size_t)arguments_integer(args, "rows"),
        .title = arguments_text(args, "title"),
    };
    struct corpus *c = corpus_open(arguments_operand(args, 0), CORPUS_READ, error);
    struct buf page = BUF;
    int rc;
    if (c == NULL)
        return -1;
    signals_install();
    rc = report_html(c, &o, output_progress(), &page, error);
    corpus_close(c);
    if (rc == 0)
        rc = deliver(args, &page, error);
    buf_free(&page);
    return rc;
}

const struct command cmd_report = {
    .name = "report",
    .summary = "one HTML page on a dataset: what came, what went and why, cost, curves, rows",
    .description =
        "Writes one self-contained page: the way from prompt to student, what the filter "
        "removed with samples of it, lengths and scores, cost and latency of the "
        "teacher, loss and evaluation, and rows to search and read with where they came "
        "from. It loads nothing from a network. Works on a file that is being written.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = report_run,
};
