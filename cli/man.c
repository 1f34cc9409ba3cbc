/* Manual pages from the command tables, in man(7). */
#include "cli/help.h"

#include "cli/fields.h"
#include "core/unicode.h"
#include "core/version.h"

#include <string.h>

/* Text with what roff would take for commands made harmless; past ASCII as roff's escapes. */
static void roff(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        uint32_t c = 0;
        size_t n = utf8_decode(text + i, len - i, &c);
        bool line_start = i == 0 || text[i - 1] == '\n';
        if (line_start && (c == '.' || c == '\''))
            buf_str(out, "\\&");
        if (c == '\\')
            buf_str(out, "\\e");
        else if (c == '-')
            buf_str(out, "\\-");
        else if (c >= 0x80)
            buf_printf(out, "\\[u%04X]", (unsigned)c);
        else
            buf_char(out, (char)c);
        i += n == 0 ? 1 : n;
    }
}

static void line(struct buf *out, const char *macro, const char *text)
{
    buf_str(out, macro);
    roff(out, text);
    buf_char(out, '\n');
}

/* Paragraphs; a block of lines that start with a space is kept as it is. */
static void paragraphs(struct buf *out, const char *text)
{
    bool kept = false;
    buf_str(out, ".PP\n");
    while (*text != '\0') {
        struct buf one = BUF;
        size_t n = strcspn(text, "\n");
        bool keep = n > 0 && text[0] == ' ';
        if (keep != kept)
            buf_str(out, keep ? ".nf\n" : ".fi\n");
        kept = keep;
        buf_add(&one, text, n);
        line(out, n == 0 ? ".PP" : "", buf_text(&one));
        buf_free(&one);
        text += n + (text[n] == '\n');
    }
    if (kept)
        buf_str(out, ".fi\n");
}

static void option_entry(struct buf *out, const struct command_option *o)
{
    buf_str(out, ".TP\n");
    if (o->letter != 0)
        buf_printf(out, "\\fB\\-%c\\fR, ", o->letter);
    buf_str(out, "\\fB\\-\\-");
    roff(out, o->name);
    buf_str(out, "\\fR");
    if (o->argument != NULL) {
        buf_str(out, " \\fI");
        roff(out, o->argument);
        buf_str(out, "\\fR");
    }
    buf_char(out, '\n');
    roff(out, o->help);
    if (o->choices != NULL)
        buf_printf(out, "; one of %s", o->choices);
    buf_str(out, ".\n");
    if (o->fallback != NULL)
        buf_printf(out, "Default: %s.\n", o->fallback);
}

static void options(struct buf *out, const struct command *command)
{
    const struct command_option *o;
    buf_str(out, ".SH OPTIONS\n");
    for (size_t i = 0; (o = option_at(command, i)) != NULL; i++)
        option_entry(out, o);
}

static void operands(struct buf *out, const struct command *command)
{
    for (const struct command_operand *o = command->operands; o != NULL && o->name != NULL; o++) {
        buf_printf(out, ".TP\n\\fI%s\\fR\n", o->name);
        roff(out, o->help);
        buf_str(out, ".\n");
    }
}

static void examples(struct buf *out, const struct command *command)
{
    if (command->examples == NULL || command->examples->line == NULL)
        return;
    buf_str(out, ".SH EXAMPLES\n");
    for (const struct command_example *e = command->examples; e->line != NULL; e++) {
        line(out, ".TP\n", e->what);
        line(out, ".B ", e->line);
    }
}

static void command_list(struct buf *out)
{
    buf_str(out, ".SH COMMANDS\n");
    for (size_t i = 0; commands[i] != NULL; i++) {
        buf_printf(out, ".TP\n.BR retort\\-");
        roff(out, commands[i]->name);
        buf_str(out, " (1)\n");
        roff(out, commands[i]->summary);
        buf_str(out, ".\n");
    }
}

static const char *const statuses =
    ".SH EXIT STATUS\n.TP\n0\nDone.\n.TP\n1\nFailed; one line on standard error says why.\n"
    ".TP\n2\nThe command line or the recipe is wrong.\n.TP\n3\nStopped early; everything is kept "
    "and the same command goes on.\n.TP\n130\nInterrupted; everything is kept.\n";

void man_page(const struct command *command, struct buf *out)
{
    struct buf usage = BUF;
    help_usage(command, &usage);
    buf_printf(out, ".TH RETORT%s%s 1 \"\" \"retort %s\" \"retort manual\"\n.ad l\n.SH NAME\n",
               command == NULL ? "" : "\\-", command == NULL ? "" : command->name, RETORT_VERSION);
    buf_printf(out, "retort%s%s \\- ", command == NULL ? "" : "\\-",
               command == NULL ? "" : command->name);
    line(out, "",
         command == NULL ? "distil a teacher's replies into a small model of your own"
                         : command->summary);
    line(out, ".SH SYNOPSIS\n.B ", buf_text(&usage));
    buf_str(out, ".SH DESCRIPTION\n");
    if (command != NULL) {
        paragraphs(out, command->description);
        operands(out, command);
    } else {
        paragraphs(out, "One program for black-box distillation: ask a teacher over HTTP (gen), "
                        "clean its replies (filter), fine-tune a student on them (train), measure "
                        "it (eval). Each stage reads what the one before committed to the dataset "
                        "file, so any can be stopped and continued.");
        command_list(out);
    }
    options(out, command);
    buf_str(out, statuses);
    if (command == NULL)
        buf_str(out, ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nNo colour where set and not empty.\n");
    else
        examples(out, command);
    buf_str(out, ".SH SEE ALSO\n.BR retort (1)\n");
    buf_free(&usage);
}

static void recipe_entry(void *context, const struct field *f, bool ends)
{
    struct buf *out = context, head = BUF;
    if (ends)
        return;
    fields_line(f, &head);
    line(out, ".TP\n.B ", buf_text(&head));
    line(out, "", f->description);
    buf_free(&head);
}

void man_recipe(struct buf *out)
{
    struct json *schema = fields_schema();
    buf_printf(out,
               ".TH RETORT\\-RECIPE 5 \"\" \"retort %s\" \"retort manual\"\n.ad l\n.SH NAME\n"
               "retort\\-recipe \\- what to ask, how to clean, how to train and measure\n"
               ".SH DESCRIPTION\n",
               RETORT_VERSION);
    paragraphs(out, "A recipe is JSON with comments. Every field has a default, shown in brackets. "
                    "Relative file names start from the recipe's folder. On the command line any "
                    "field can be overridden: --set train.rank=16.");
    buf_str(out, ".SH FIELDS\n");
    fields_walk(schema, recipe_entry, out);
    buf_str(out, ".SH SEE ALSO\n.BR retort (1)\n");
    json_free(schema);
}
