/* Manual pages from the command tables, in man(7). */
#include "cli/help.h"

#include "core/version.h"

#include <string.h>

/* Text with what roff would take for commands made harmless. */
static void roff(struct buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        bool line_start = p == text || p[-1] == '\n';
        if (line_start && (*p == '.' || *p == '\''))
            buf_str(out, "\\&");
        if (*p == '\\')
            buf_str(out, "\\e");
        else if (*p == '-')
            buf_str(out, "\\-");
        else
            buf_char(out, *p);
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
    buf_printf(out, ".TH RETORT%s%s 1 \"\" \"retort %s\" \"retort manual\"\n.SH NAME\n",
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
