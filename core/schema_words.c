/* What was expected and what was found, in words. */
#include "core/nearest.h"
#include "core/schema_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void schema_violate(struct schema_run *run, const struct json *node, const char *format, ...)
{
    struct schema_violation v = {.node = node};
    char text[1024];
    va_list ap;
    run->violations++;
    if (run->mode != MODE_REPORT || run->report == NULL)
        return;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    v.path = buf_text(&run->path);
    v.text = text;
    run->report(run->context, &v);
}

size_t schema_path_push(struct schema_run *run, const struct json *child, size_t index)
{
    size_t len = run->path.len;
    if (run->mode != MODE_REPORT)
        return len;
    if (len != 0)
        buf_char(&run->path, '.');
    if (json_key(child) != NULL)
        buf_str(&run->path, json_key(child));
    else
        buf_printf(&run->path, "%zu", index);
    return len;
}

void schema_path_pop(struct schema_run *run, size_t len)
{
    run->path.len = len;
    if (run->path.data != NULL)
        run->path.data[len] = '\0';
}

/* Cut at a character, with "…" behind. */
static void cut(struct buf *b, size_t longest)
{
    if (b->len <= longest)
        return;
    b->len = longest;
    while (b->len != 0 && ((unsigned char)b->data[b->len] & 0xC0) == 0x80)
        b->len--;
    b->data[b->len] = '\0';
    buf_str(b, "\xE2\x80\xA6");
}

void schema_shown(const struct json *value, struct buf *out)
{
    enum { LONGEST = 60 };
    struct buf text = BUF;
    enum json_type type = json_type(value);
    if (type == JSON_OBJECT || type == JSON_ARRAY) {
        buf_str(out, json_first(value) == NULL ? "an empty " : "an ");
        buf_str(out, json_type_name(type));
        return;
    }
    json_write(value, 0, &text);
    cut(&text, LONGEST);
    buf_slice(out, buf_view(&text));
    buf_free(&text);
}

static void say(struct buf *out, const char *word)
{
    if (out->len != 0 && out->data[out->len - 1] != ' ')
        buf_char(out, ' ');
    buf_str(out, word);
}

static const struct json *value_of(const struct schema_node *node, const char *keyword)
{
    const struct schema_rule *rule = schema_find_rule(node, keyword);
    return rule != NULL ? rule->value : NULL;
}

static void say_choices(const struct json *choices, struct buf *out)
{
    enum { MOST = 24 };
    size_t n = 0;
    say(out, json_count(choices) > 1 ? "one of " : "");
    for (const struct json *c = json_first(choices); c != NULL && n < MOST; c = json_next(c)) {
        if (n++ != 0)
            buf_str(out, ", ");
        schema_shown(c, out);
    }
    if (json_count(choices) > MOST)
        buf_str(out, ", \xE2\x80\xA6");
}

/* The types but null, which is said behind the bounds: "number >= 0 or null".  Whether it is one. */
static bool say_type(const struct json *type, struct buf *out)
{
    bool nullable = false;
    size_t n = 0;
    if (json_type(type) == JSON_STRING)
        say(out, json_text(type, ""));
    for (const struct json *t = json_first(type); t != NULL; t = json_next(t)) {
        if (json_count(type) > 1 && strcmp(json_text(t, ""), "null") == 0) {
            nullable = true;
            continue;
        }
        if (n++ != 0)
            say(out, "or");
        say(out, json_text(t, ""));
    }
    return nullable;
}

static void say_bounds(const struct schema_node *node, struct buf *out)
{
    static const char *const bounds[][2] = {{"minimum", ">="},
                                            {"exclusiveMinimum", ">"},
                                            {"maximum", "<="},
                                            {"exclusiveMaximum", "<"},
                                            {"multipleOf", "multiple of"}};
    int n = 0;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        const struct json *value = value_of(node, bounds[i][0]);
        if (value == NULL)
            continue;
        if (n++ != 0)
            say(out, "and");
        say(out, bounds[i][1]);
        buf_char(out, ' ');
        schema_shown(value, out);
    }
}

static void say_length(const struct schema_node *node, struct buf *out)
{
    const struct schema_rule *least = schema_find_rule(node, "minLength");
    const struct schema_rule *most = schema_find_rule(node, "maxLength");
    const struct json *pattern = value_of(node, "pattern");
    if (value_of(node, "type") == NULL && (least != NULL || most != NULL || pattern != NULL))
        say(out, "string");
    if (least != NULL && most != NULL)
        buf_printf(out, " of %lld to %lld characters", (long long)least->limit,
                   (long long)most->limit);
    else if (least != NULL && least->limit == 1)
        buf_str(out, " that is not empty");
    else if (least != NULL)
        buf_printf(out, " of at least %lld characters", (long long)least->limit);
    else if (most != NULL)
        buf_printf(out, " of at most %lld characters", (long long)most->limit);
    if (pattern != NULL)
        buf_printf(out, " matching /%s/", json_text(pattern, ""));
}

static void say_alternatives(const struct schema *s, const struct schema_node *node,
                             const char *keyword, struct buf *out)
{
    const struct schema_rule *rule = schema_find_rule(node, keyword);
    for (size_t i = 0; rule != NULL && i < rule->n_nodes; i++) {
        if (i != 0)
            say(out, "or");
        schema_expected(s, rule->nodes[i], out);
    }
}

void schema_expected(const struct schema *s, const struct schema_node *node, struct buf *out)
{
    enum { LONGEST = 500 };
    size_t before = out->len;
    const struct schema_rule *ref = schema_find_rule(node, "$ref");
    bool nullable;
    if (out->len > LONGEST)
        return;
    if (value_of(node, "const") != NULL) {
        schema_shown(value_of(node, "const"), out);
        return;
    }
    if (value_of(node, "enum") != NULL) {
        say_choices(value_of(node, "enum"), out);
        return;
    }
    nullable = say_type(value_of(node, "type"), out);
    say_bounds(node, out);
    say_length(node, out);
    if (nullable)
        say(out, "or null");
    if (out->len == before && ref != NULL && ref->n_nodes != 0)
        schema_expected(s, ref->nodes[0], out);
    if (out->len == before)
        say_alternatives(s, node, "anyOf", out);
    if (out->len == before)
        say_alternatives(s, node, "oneOf", out);
    if (out->len == before)
        buf_str(out, json_type(node->source) == JSON_FALSE ? "nothing" : "another value");
}

/* Of the words that would do, the one that was perhaps meant. */
static void say_nearest(const struct schema_node *node, const struct json *instance,
                        struct buf *out)
{
    const struct json *choices = value_of(node, "enum");
    struct nearest near = nearest_start(json_text(instance, ""));
    if (json_type(instance) != JSON_STRING || choices == NULL)
        return;
    for (const struct json *c = json_first(choices); c != NULL; c = json_next(c))
        if (json_type(c) == JSON_STRING)
            nearest_try(&near, json_text(c, ""));
    if (nearest_word(&near) != NULL)
        buf_printf(out, "; did you mean \"%s\"?", nearest_word(&near));
}

void schema_wrong_value(struct schema_run *run, const struct schema_node *node,
                        const struct json *instance)
{
    struct buf expected = BUF, got = BUF;
    if (run->mode == MODE_REPORT) {
        schema_expected(run->schema, node, &expected);
        schema_shown(instance, &got);
        say_nearest(node, instance, &got);
    }
    schema_violate(run, instance, "expected %s, got %s", buf_text(&expected), buf_text(&got));
    buf_free(&expected);
    buf_free(&got);
}
