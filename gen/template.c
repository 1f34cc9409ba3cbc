#include "gen/template.h"

#include "core/embedded.h"
#include "core/file.h"
#include "core/mem.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TEMPLATE = 1 << 20 };

int template_read(const char *folder, const char *name, struct buf *out, struct error *error)
{
    char built_in[200], own[200];
    snprintf(own, sizeof own, "prompts/%s.txt", name);
    snprintf(built_in, sizeof built_in, "schemas/embed/prompts/%s.txt", name);
    char *path = file_join(folder, own);
    int rc = 0;
    out->max = MAX_TEMPLATE;
    if (file_exists(path)) {
        rc = file_read(path, out, error);
    } else {
        const struct embedded_file *f = embedded_find(built_in);
        rc = f ? buf_add(out, f->data, f->size)
               : error_set(error, ERROR_USAGE, "%s: there is no such prompt template", path);
    }
    mem_free(path);
    return rc;
}

static const struct gen_field *find(const struct gen_field *fields, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(name, fields[i].name))
            return &fields[i];
    return NULL;
}

int template_fill(struct slice text, const struct gen_field *fields, size_t n, struct buf *out,
                  struct error *error)
{
    while (text.len) {
        size_t open = slice_find(text, SLICE("{{"));
        buf_add(out, text.data, open);
        if (open == text.len)
            break;
        struct slice rest = slice_sub(text, open + 2, text.len);
        size_t close = slice_find(rest, SLICE("}}"));
        struct slice name = slice_trim(slice_sub(rest, 0, close));
        const struct gen_field *f = close < rest.len ? find(fields, n, name) : NULL;
        if (!f)
            return error_set(error, ERROR_USAGE,
                             "the template has {{%.*s}}, which is none of its fields",
                             (int)(name.len < 40 ? name.len : 40), name.data ? name.data : "");
        buf_slice(out, f->value);
        text = slice_sub(rest, close + 2, rest.len);
    }
    return out->full ? error_set(error, ERROR_LIMIT, "the filled template is too long") : 0;
}
