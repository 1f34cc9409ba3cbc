/*
 * retort init DIR: a project folder.  The recipe is written from the schema, so that every field
 * stands there with its description; those that most people set are active, the others are
 * comments that show the default.
 */
#include "cli/commands.h"
#include "cli/fields.h"
#include "cli/output.h"
#include "core/embedded.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"

#include <string.h>

static const struct command_operand operands[] = {
    {.name = "DIR", .kind = VALUE_DIR, .help = "the folder; made when missing"},
    OPERANDS_END,
};

static const struct command_example examples[] = {
    {"retort init tickets", "then edit tickets/recipe.jsonc and tickets/prompts.jsonl"},
    EXAMPLES_END,
};

static const char *const active[] = {
    "$schema",
    "dataset",
    "teacher.provider",
    "teacher.base_url",
    "teacher.model",
    "teacher.api_key_env",
    "teacher.in_flight",
    "gen.strategy",
    "gen.prompts",
    "gen.samples",
    "gen.max_tokens",
    "gen.temperature",
    "gen.budget_usd",
    "filter.rules",
    "train.student",
    "train.out",
    "train.method",
    "train.epochs",
    "train.learning_rate",
    "eval.suite",
    NULL,
};

/* Where a new project wants something else than the default. */
static const char *const preset[][2] = {
    {"$schema", "\"recipe.schema.json\""},
    {"gen.prompts", "\"prompts.jsonl\""},
    {NULL, NULL},
};

/* ---- the recipe ---------------------------------------------------------------------------- */

static bool is_active(const char *path)
{
    for (size_t i = 0; active[i] != NULL; i++)
        if (strcmp(active[i], path) == 0)
            return true;
    return false;
}

static void indent(struct buf *out, int depth)
{
    buf_printf(out, "%*s", depth * 2, "");
}

/* A description as comment lines of at most 100 columns. */
static void comment(struct buf *out, const char *text, int depth)
{
    size_t room = (size_t)(96 - depth * 2);
    while (*text != '\0') {
        size_t n = strlen(text);
        if (n > room) {
            for (n = room; n > 0 && text[n] != ' '; n--)
                continue;
            n = n == 0 ? room : n;
        }
        indent(out, depth);
        buf_str(out, "// ");
        buf_add(out, text, n);
        buf_char(out, '\n');
        text += n + (text[n] == ' ');
    }
}

static void value_text(const struct field *f, struct buf *out)
{
    const struct json *value = f->value != NULL ? f->value : f->example;
    for (size_t i = 0; preset[i][0] != NULL; i++)
        if (strcmp(preset[i][0], f->path) == 0) {
            buf_str(out, preset[i][1]);
            return;
        }
    if (value == NULL || json_write(value, 0, out) != 0)
        buf_str(out, "null");
}

static void write_field(void *context, const struct field *f, bool ends)
{
    struct buf *out = context;
    int depth = f->depth + 1;
    if (ends) {
        indent(out, depth);
        buf_str(out, "},\n");
        return;
    }
    comment(out, f->description, depth);
    indent(out, depth);
    if (f->group) {
        buf_printf(out, "\"%s\": {\n", f->key);
        return;
    }
    buf_printf(out, "%s\"%s\": ", is_active(f->path) ? "" : "// ", f->key);
    value_text(f, out);
    buf_str(out, ",\n");
}

static void write_recipe(struct buf *out)
{
    struct json *schema = fields_schema();
    buf_str(out, "// A recipe of retort: JSON with comments. A line that starts with // shows a "
                 "default;\n// remove the // to change it.\n{\n");
    fields_walk(schema, write_field, out);
    buf_str(out, "}\n");
    json_free(schema);
}

/* ---- the folder ---------------------------------------------------------------------------- */

static const char prompts[] =
    "{\"id\": \"1\", \"instruction\": \"Rewrite the sentence so that a child understands it.\", "
    "\"input\": \"The committee postponed its deliberations indefinitely.\"}\n"
    "{\"id\": \"2\", \"instruction\": \"Give three questions a librarian is often asked.\"}\n"
    "{\"id\": \"3\", \"messages\": [{\"role\": \"system\", \"content\": \"Answer in one "
    "sentence.\"}, {\"role\": \"user\", \"content\": \"Why is the sky blue?\"}]}\n";

static const char ignored[] = "# What retort makes here\n*.db\n*.db-wal\n*.db-shm\n*.lock\n"
                              "/student/\n";

static int put(const char *dir, const char *name, struct slice text, struct error *error)
{
    char *path = file_join(dir, name);
    int rc = 0;
    if (!file_exists(path))
        rc = file_replace(path, text, error);
    else
        output_note("%s is there already and stays as it is", path);
    mem_free(path);
    return rc;
}

static int init_run(const struct arguments *args, struct error *error)
{
    const char *dir = arguments_operand(args, 0);
    const struct embedded_file *schema = embedded_find("schemas/recipe.schema.json");
    struct buf recipe = BUF;
    char *path = file_join(dir, "recipe.jsonc");
    int rc = -1;
    if (file_exists(path)) {
        error_set(error, ERROR_FAILED, "%s is there already; choose another folder", path);
        goto done;
    }
    write_recipe(&recipe);
    if (file_make_dir(dir, error) != 0 ||
        put(dir, "recipe.schema.json", slice_from(schema->data, schema->size), error) != 0 ||
        put(dir, "prompts.jsonl", SLICE(prompts), error) != 0 ||
        put(dir, ".gitignore", SLICE(ignored), error) != 0 ||
        put(dir, "recipe.jsonc", buf_view(&recipe), error) != 0)
        goto done;
    output_note("made %s; edit it and %s/prompts.jsonl, then: retort run %s --dry-run", path, dir,
                path);
    rc = 0;
done:
    buf_free(&recipe);
    mem_free(path);
    return rc;
}

const struct command cmd_init = {
    .name = "init",
    .summary = "make a project folder: commented recipe, seed prompts, .gitignore",
    .description = "Makes DIR with recipe.jsonc, in which every field of the recipe stands with "
                   "its description and default, the schema that lets an editor complete and "
                   "explain it, a few prompts to start from, and a .gitignore. Nothing that is "
                   "there already is changed.",
    .operands = operands,
    .examples = examples,
    .run = init_run,
};
