/* retort show: all there is about one row. */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "core/json.h"
#include "corpus/corpus.h"
#include "corpus/rows.h"
#include "corpus/show.h"

static const struct command_operand operands[] = {
    {.name = "DB", .kind = VALUE_FILE, .help = "the dataset file"},
    {.name = "ID",
     .kind = VALUE_TEXT,
     .optional = true,
     .help = "the row: the id it was given, or its number"},
    OPERANDS_END,
};

static const struct command_option options[] = {
    {.name = "sql",
     .kind = VALUE_TEXT,
     .argument = "SELECT",
     .help = "print the rows of a query instead, one JSON object a line; read only"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort show tickets.db 17", "texts, verdicts in words, the reply as it came"},
    {"retort show tickets.db --sql 'SELECT rule, count(*) AS n FROM verdict GROUP BY rule'",
     "any question to the file"},
    EXAMPLES_END,
};

static int show_one(struct corpus *c, const char *id, struct error *error)
{
    struct json *shown = NULL;
    struct buf text = BUF, safe = BUF;
    int rc = show_sample(c, id, &shown, error);
    if (rc == 0)
        error_set(error, ERROR_FAILED, "%s: no row \"%s\"; `retort export %s` lists them",
                  corpus_path(c), id, corpus_path(c));
    if (rc == 1 && output_json()) {
        json_write(shown, 0, &text);
        rc = output_report(&text, error);
    } else if (rc == 1) {
        show_text(shown, &text);
        table_text(buf_view(&text), &safe);
        rc = output_write(buf_view(&safe), error);
    } else {
        rc = -1;
    }
    json_free(shown);
    buf_free(&text);
    buf_free(&safe);
    return rc;
}

static int print_row(void *context, const struct json *row, struct error *error)
{
    struct buf line = BUF;
    int rc;
    (void)context;
    json_write(row, 0, &line);
    buf_char(&line, '\n');
    rc = output_write(buf_view(&line), error);
    buf_free(&line);
    return rc;
}

static int show_run(const struct arguments *args, struct error *error)
{
    const char *id = arguments_operand(args, 1), *sql = arguments_text(args, "sql");
    struct corpus *c;
    int rc;
    if ((id == NULL) == (sql == NULL))
        return error_set(error, ERROR_USAGE, "show: give either an ID or --sql");
    if ((c = corpus_open(arguments_operand(args, 0), CORPUS_READ, error)) == NULL)
        return -1;
    rc = sql != NULL ? rows_query(c, sql, print_row, NULL, error) : show_one(c, id, error);
    corpus_close(c);
    return rc;
}

const struct command cmd_show = {
    .name = "show",
    .summary = "all there is about one row: texts, verdicts, request, reply",
    .description =
        "Prints a row with every verdict in words, its scores, the prompt and request it came "
        "from, every attempt, and the reply as it came. With --sql any SELECT over the file; the "
        "function unpack(body, packed) shows stored bodies.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = show_run,
};
