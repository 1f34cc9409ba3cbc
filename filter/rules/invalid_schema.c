/*
 * The reply is JSON, and not as its schema asks (core/schema.h, JSON Schema 2020-12).  The schema is
 * the one of the settings (`file`, for every row), that of the row's meta ("json_schema"), or one
 * that stands in the request: an object with "properties" in it, as prompts for structured output
 * carry.  A reply that is itself a schema was asked to write one.
 */
#include "core/file.h"
#include "core/mem.h"
#include "core/schema.h"
#include "filter/fence.h"
#include "filter/rules.h"
#include "filter/text.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SCHEMA = 4 << 20 };

struct given {
    struct json *tree;
    struct schema *schema; /* NULL: none in the settings */
};

static void close_given(void *state)
{
    struct given *g = state;
    schema_free(g->schema);
    json_free(g->tree);
    mem_free(g);
}

static int read_schema(struct given *g, const char *path, struct error *error)
{
    struct buf text = BUF_MAX(MAX_SCHEMA);
    int rc = file_read(path, &text, error);
    if (rc == 0 && ((g->tree = json_parse(buf_view(&text), 0, error)) == NULL ||
                    (g->schema = schema_compile(g->tree, error)) == NULL)) {
        char why[200];
        (void)snprintf(why, sizeof why, "%.190s", error != NULL ? error->text : "");
        rc = error_set(error, ERROR_INPUT, "%s: no JSON Schema: %s", path, why);
    }
    buf_free(&text);
    return rc;
}

static void *open_given(const struct json *settings, const char *folder, struct error *error)
{
    struct given *g = mem_zero(1, sizeof *g);
    const char *name = json_text(json_get(settings, "file"), "");
    if (*name != '\0') {
        char *path = file_join(folder, name);
        const int rc = read_schema(g, path, error);
        mem_free(path);
        if (rc != 0) {
            close_given(g);
            return NULL;
        }
    }
    return g;
}

/* The end of the JSON object that opens at s[0], or 0. */
static size_t object_end(struct slice s)
{
    size_t depth = 0;
    bool string = false;
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.data[i];
        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (!string && c == '{')
            depth++;
        else if (!string && c == '}' && --depth == 0)
            return i + 1;
    }
    return 0;
}

static bool is_schema(const struct json *j)
{
    return json_type(json_get(j, "properties")) == JSON_OBJECT &&
           (json_get(j, "type") != NULL || json_get(j, "$schema") != NULL);
}

/* The first schema that stands in the text; owned. */
static struct json *schema_in(struct slice s)
{
    if (slice_find(s, SLICE("\"properties\"")) == s.len)
        return NULL;
    for (size_t at = 0; at < s.len; at++) {
        if (s.data[at] != '{')
            continue;
        const size_t n = object_end(slice_sub(s, at, s.len - at));
        if (n == 0)
            return NULL;
        struct json *j = json_parse(slice_sub(s, at, n), 0, NULL);
        if (is_schema(j))
            return j;
        json_free(j);
        at += n - 1;
    }
    return NULL;
}

static struct json *schema_of(const struct row *row)
{
    const struct slice meta = row->sample->meta;
    struct json *j = NULL, *found = NULL;
    if (meta.len > 0 && slice_find(meta, SLICE("\"json_schema\"")) < meta.len &&
        (j = json_parse(meta, 0, NULL)) != NULL && json_get(j, "json_schema") != NULL)
        found = json_copy(json_get(j, "json_schema"));
    json_free(j);
    for (size_t i = 0; i < row->n_prompt && found == NULL; i++)
        found = schema_in(row->prompt[i]);
    return found;
}

/* The reply as JSON: all of it, or its first fenced block that is. */
static struct json *reply_json(const struct row *row)
{
    struct fence f;
    size_t at = 0;
    struct json *j = json_parse(row->reply, 0, NULL);
    while (j == NULL && fence_next(row->output, &at, &f))
        j = json_parse(f.content, 0, NULL);
    return j;
}

static void keep_first(void *context, const struct schema_violation *v)
{
    struct finding *out = context;
    if (out->why[0] == '\0')
        finding_why(out, "it is not as its schema asks: %.60s%s%.90s", v->path,
                    v->path[0] != '\0' ? ": " : "", v->text);
}

static bool check(const struct schema *schema, const struct row *row, struct finding *out)
{
    struct json *reply = reply_json(row);
    int n = 0;
    if (reply != NULL && !is_schema(reply))
        n = schema_check(schema, reply, keep_first, out);
    json_free(reply);
    if (n == 0)
        return false;
    finding_value(out, n, 0);
    finding_span(out, "output", 0, row->output.len);
    return true;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    const struct given *g = state;
    if (row->reply.len == 0 || (memchr(row->reply.data, '{', row->reply.len) == NULL &&
                                memchr(row->reply.data, '[', row->reply.len) == NULL))
        return false;
    if (g->schema != NULL)
        return check(g->schema, row, out);
    struct json *tree = schema_of(row);
    struct schema *schema = tree != NULL ? schema_compile(tree, NULL) : NULL;
    const bool fired = schema != NULL && check(schema, row, out);
    schema_free(schema);
    json_free(tree);
    return fired;
}

const struct filter_rule rule_invalid_schema = {
    .name = "invalid_schema",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply is not as its JSON Schema asks",
    .open = open_given,
    .close = close_given,
    .judge = judge,
};
