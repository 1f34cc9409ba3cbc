/* retort report: the page a person looks at. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/file.h"
#include "core/signals.h"
#include "corpus/corpus.h"
#include "report/report.h"
#include "serve/page.h"

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
    {.name = "live",
     .kind = VALUE_NONE,
     .help = "serve the page on 127.0.0.1, made anew from the dataset at each look, until Ctrl-C"},
    {.name = "port",
     .letter = 'p',
     .kind = VALUE_INTEGER,
     .argument = "N",
     .fallback = "8090",
     .help = "with --live: the port to listen on; 0: any free one"},
    {.name = "every",
     .kind = VALUE_INTEGER,
     .argument = "SECONDS",
     .fallback = "10",
     .help = "with --live: how often an open page asks again; 0: only when reloaded"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort report tickets.db -o report.html", "one file to open in any browser"},
    {"retort report tickets.db --live", "while gen or train runs: http://127.0.0.1:8090/"},
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

/* What the page is made of, each time. */
struct source {
    const char *dataset;
    struct report_options how;
    struct progress *progress;
};

static int make_page(void *context, struct buf *page, struct error *error)
{
    const struct source *s = context;
    struct corpus *c = corpus_open(s->dataset, CORPUS_READ, error);
    int rc;
    if (c == NULL)
        return -1;
    rc = report_html(c, &s->how, s->progress, page, error);
    corpus_close(c);
    return rc;
}

static void tell(void *context, int port)
{
    const struct source *s = context;
    output_note("showing %s on http://127.0.0.1:%d/; Ctrl-C stops", s->dataset, port);
}

static int live(const struct arguments *args, struct source *s, struct error *error)
{
    const int64_t port = arguments_integer(args, "port"), every = arguments_integer(args, "every");
    const struct page_options how = {
        .port = (int)port, .make = make_page, .context = s, .ready = tell, .ready_context = s};
    struct buf page = BUF;
    int rc;
    if (arguments_text(args, "out") != NULL)
        return error_set(error, ERROR_USAGE, "--live serves the page and writes no --out");
    if (port < 0 || port > 65535 || every < 0 || every > 86400)
        return error_set(error, ERROR_USAGE, "--port: at most 65535; --every: at most 86400");
    s->progress = NULL;
    s->how.refresh_s = (int)every;
    rc = make_page(s, &page, error); /* what cannot be shown is said at once */
    buf_free(&page);
    return rc == 0 ? page_serve(&how, error) : -1;
}

static int report_run(const struct arguments *args, struct error *error)
{
    struct source s = {.dataset = arguments_operand(args, 0),
                       .how = {.rows = (size_t)arguments_integer(args, "rows"),
                               .title = arguments_text(args, "title")},
                       .progress = output_progress()};
    struct buf page = BUF;
    int rc;
    signals_install();
    if (arguments_flag(args, "live"))
        return live(args, &s, error);
    rc = make_page(&s, &page, error);
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
        "from. It loads nothing from a network. Works on a file that is being written: --live "
        "shows how it grows.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = report_run,
};
