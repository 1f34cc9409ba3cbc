#include "cli/help.h"

#include "cli/fields.h"

#include "core/slice.h"

#include <string.h>

enum { COLUMNS = 80, INDENT = 26 };

/* ---- filling lines ------------------------------------------------------------------------ */

/* Words of text, each line indented, the first starting at `column`. */
static void fill(struct buf *out, const char *text, size_t indent, size_t column)
{
    size_t spaces = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        if (column + spaces + n > COLUMNS && column > indent) {
            buf_printf(out, "\n%*s", (int)indent, "");
            column = indent;
            spaces = 0;
        }
        buf_printf(out, "%*s", (int)spaces, "");
        buf_add(out, text, n);
        column += spaces + n;
        text += n;
        spaces = strspn(text, " ");
        text += spaces;
    }
    buf_char(out, '\n');
}

/* Paragraphs are separated by an empty line; a line that starts with a space stays as it is. */
static void fill_text(struct buf *out, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        if (n > 0 && text[0] != ' ') {
            struct buf line = BUF;
            buf_add(&line, text, n);
            fill(out, buf_text(&line), 0, 0);
            buf_free(&line);
        } else {
            buf_add(out, text, n);
            buf_char(out, '\n');
        }
        text += n + (text[n] == '\n');
    }
}

/* "  left        right", with right on its own line where left is too long. */
static void two_columns(struct buf *out, const char *left, const char *right)
{
    size_t column = 2 + strlen(left);
    buf_printf(out, "  %s", left);
    if (column + 2 > INDENT) {
        buf_printf(out, "\n%*s", INDENT, "");
    } else {
        buf_printf(out, "%*s", (int)(INDENT - column), "");
    }
    fill(out, right, INDENT, INDENT);
}

/* ---- parts -------------------------------------------------------------------------------- */

void help_usage(const struct command *command, struct buf *out)
{
    if (command == NULL) {
        buf_str(out, "retort COMMAND [OPTION...] [OPERAND...]");
        return;
    }
    buf_printf(out, "retort %s [OPTION...]", command->name);
    for (const struct command_operand *o = command->operands; o != NULL && o->name != NULL; o++)
        buf_printf(out, o->optional ? " [%s%s]" : " %s%s", o->name, o->many ? "..." : "");
}

static void option_left(const struct command_option *o, struct buf *out)
{
    if (o->letter != 0)
        buf_printf(out, "-%c, --%s", o->letter, o->name);
    else
        buf_printf(out, "    --%s", o->name);
    if (o->argument != NULL)
        buf_printf(out, " %s", o->argument);
}

static void option_line(const struct command_option *o, struct buf *out)
{
    struct buf left = BUF, right = BUF;
    option_left(o, &left);
    buf_str(&right, o->help);
    if (o->choices != NULL)
        buf_printf(&right, "; one of %s", o->choices);
    if (o->fallback != NULL)
        buf_printf(&right, " [%s]", o->fallback);
    two_columns(out, buf_text(&left), buf_text(&right));
    buf_free(&left);
    buf_free(&right);
}

static void options_part(const struct command *command, struct buf *out)
{
    const struct command_option *o;
    buf_str(out, "\nOptions:\n");
    for (size_t i = 0; (o = option_at(command, i)) != NULL; i++)
        option_line(o, out);
}

static void operands_part(const struct command *command, struct buf *out)
{
    const struct command_operand *o = command->operands;
    if (o == NULL || o->name == NULL)
        return;
    buf_str(out, "\nOperands:\n");
    for (; o->name != NULL; o++)
        two_columns(out, o->name, o->help);
}

static void commands_part(struct buf *out)
{
    buf_str(out, "\nCommands:\n");
    for (size_t i = 0; commands[i] != NULL; i++)
        two_columns(out, commands[i]->name, commands[i]->summary);
}

static void examples_part(const struct command *command, struct buf *out)
{
    const struct command_example *e = command->examples;
    if (e == NULL || e->line == NULL)
        return;
    buf_str(out, "\nExamples:\n");
    for (; e->line != NULL; e++)
        buf_printf(out, "  # %s\n  %s\n", e->what, e->line);
}

/* ---- the recipe --------------------------------------------------------------------------- */

static void recipe_line(void *context, const struct field *f, bool ends)
{
    struct buf *out = context;
    if (ends)
        return;
    buf_char(out, '\n');
    fields_line(f, out);
    buf_str(out, "\n    ");
    fill(out, f->description, 4, 4);
}

void help_recipe(struct buf *out)
{
    struct json *schema = fields_schema();
    buf_str(out, "A recipe is JSON with comments; every field has a default, shown in brackets. "
                 "Any field\ncan be overridden: --set train.rank=16. `retort init DIR` writes one "
                 "to start from.\n");
    fields_walk(schema, recipe_line, out);
    json_free(schema);
}

/* ---- whole pages -------------------------------------------------------------------------- */

static const char *const what =
    "retort distils a large teacher model, known only through its replies, into a small student\n"
    "that you can run: ask (gen), clean (filter), fine-tune (train), measure (eval).\n";

void help_short(const struct command *command, struct buf *out)
{
    buf_str(out, "usage: ");
    help_usage(command, out);
    buf_char(out, '\n');
    if (command == NULL) {
        commands_part(out);
        buf_str(out, "\nretort COMMAND -h shows the options of a command, --help everything.\n");
        return;
    }
    buf_printf(out, "%s\n", command->summary);
    operands_part(command, out);
    options_part(command, out);
}

void help_full(const struct command *command, struct buf *out)
{
    if (command == NULL) {
        buf_str(out, "usage: ");
        help_usage(command, out);
        buf_printf(out, "\n\n%s", what);
        commands_part(out);
        options_part(command, out);
        buf_str(out, "\nExit status: 0 done, 1 failed, 2 wrong usage or recipe, 3 partial and "
                     "resumable,\n130 interrupted.\n");
        buf_str(out, "\nStart with: retort init my-project\n");
        return;
    }
    buf_str(out, "usage: ");
    help_usage(command, out);
    buf_printf(out, "\n%s\n\n", command->summary);
    fill_text(out, command->description);
    operands_part(command, out);
    options_part(command, out);
    examples_part(command, out);
}
