#include "cli/fields.h"

#include "core/embedded.h"

#include <stdlib.h>
#include <string.h>

struct walk {
    const struct json *root;
    fields_fn *fn;
    void *context;
};

struct json *fields_schema(void)
{
    const struct embedded_file *f = embedded_find("schemas/recipe.schema.json");
    struct json *schema = json_parse(slice_from(f->data, f->size), 0, NULL);
    if (schema == NULL)
        abort(); /* the build embedded a broken schema */
    return schema;
}

/* A keyword of the field, or of what its $ref "#/$defs/NAME" names. */
static const struct json *keyword(const struct walk *w, const struct json *field, const char *name)
{
    const char *ref = json_text(json_get(field, "$ref"), NULL);
    const struct json *own = json_get(field, name);
    if (own != NULL || ref == NULL || strncmp(ref, "#/$defs/", 8) != 0)
        return own;
    return keyword(w, json_get(json_get(w->root, "$defs"), ref + 8), name);
}

static void walk(const struct walk *w, const struct json *object, const char *prefix, int depth)
{
    const struct json *p = json_first(keyword(w, object, "properties"));
    for (; p != NULL; p = json_next(p)) {
        struct buf path = BUF;
        struct field f = {
            .key = json_key(p),
            .depth = depth,
            .group = json_count(keyword(w, p, "properties")) > 0,
            .description = json_text(keyword(w, p, "description"), ""),
            .value = keyword(w, p, "default"),
            .example = json_at(keyword(w, p, "examples"), 0),
            .choices = keyword(w, p, "enum"),
            .type = json_text(keyword(w, p, "type"), ""),
        };
        buf_printf(&path, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", f.key);
        f.path = buf_text(&path);
        w->fn(w->context, &f, false);
        if (f.group) {
            walk(w, p, f.path, depth + 1);
            w->fn(w->context, &f, true);
        }
        buf_free(&path);
    }
}

void fields_walk(const struct json *schema, fields_fn *fn, void *context)
{
    const struct walk w = {schema, fn, context};
    walk(&w, schema, "", 0);
}

void fields_line(const struct field *f, struct buf *out)
{
    buf_str(out, f->path);
    if (f->group)
        return;
    buf_str(out, f->type[0] != '\0' && f->choices == NULL ? "  " : "");
    buf_str(out, f->choices == NULL ? f->type : "  one of ");
    if (f->choices != NULL)
        json_write(f->choices, 0, out);
    if (f->value != NULL) {
        buf_str(out, "  [");
        json_write(f->value, 0, out);
        buf_char(out, ']');
    }
}
