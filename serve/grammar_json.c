#include "serve/grammar_json.h"

#include "core/buf.h"
#include "core/mem.h"
#include "core/vec.h"
#include "serve/grammar_build.h"

#include <string.h>

enum { COUNT_MAX = 512, DEPTH_MAX = 32 };

static struct grammar_build build_begin(struct error *error)
{
    struct grammar_build b = {.v.g = grammar_new(), .error = error};
    grammar_values_define(&b.v);
    return b;
}

/* A text is one value and nothing else. */
static struct grammar *build_end(struct grammar_build *b, int rule)
{
    struct grammar *g = b->v.g;
    mem_free(b->refs);
    if (rule >= 0 && grammar_start(g, rule))
        return g;
    if (rule >= 0)
        error_set(b->error, ERROR_LIMIT, "the schema makes too large a grammar");
    grammar_free(g);
    return NULL;
}

struct grammar *grammar_json_object(void)
{
    struct grammar_build b = build_begin(NULL);
    return build_end(&b, b.v.object);
}

/* -- schemas -------------------------------------------------------------------------------- */

static int refuse(struct grammar_build *b, const char *keyword)
{
    return error_set(b->error, ERROR_USAGE,
                     "the schema keyword '%s' cannot be followed while writing; leave it out or "
                     "check the reply afterwards",
                     keyword);
}

static const char *const followed[] = {
    "type",        "properties",  "required",  "additionalProperties",
    "items",       "minItems",    "maxItems",  "minLength",
    "maxLength",   "enum",        "const",     "anyOf",
    "oneOf",       "allOf",       "$ref",      "$defs",
    "definitions", "$schema",     "$id",       "$comment",
    "title",       "description", "default",   "examples",
    "deprecated",  "readOnly",    "writeOnly", "format",
    NULL,
};

static int check_keywords(struct grammar_build *b, const struct json *schema)
{
    for (const struct json *k = json_first(schema); k != NULL; k = json_next(k)) {
        int i = 0;
        while (followed[i] != NULL && strcmp(followed[i], json_key(k)) != 0)
            i++;
        if (followed[i] == NULL)
            return refuse(b, json_key(k));
    }
    return 0;
}

/* The rule that spells one JSON value as it is. */
static int constant_rule(struct grammar_build *b, const struct json *value)
{
    struct buf text = BUF;
    int rule;
    json_write(value, 0, &text);
    rule = grammar_rule(b->v.g);
    grammar_literal(b->v.g, buf_view(&text));
    grammar_end(b->v.g);
    buf_free(&text);
    return rule;
}

/* A choice of rules. */
static int choice_rule(struct grammar_build *b, const int *rules, size_t n)
{
    const int rule = grammar_rule(b->v.g);
    for (size_t i = 0; i < n; i++) {
        if (i != 0)
            grammar_or(b->v.g);
        grammar_ref(b->v.g, rules[i]);
    }
    grammar_end(b->v.g);
    return rule;
}

/* One rule for each child of an array, then their choice. */
static int each_rule(struct grammar_build *b, const struct json *list,
                     int (*make)(struct grammar_build *, const struct json *))
{
    const size_t n = json_count(list);
    int *rules = mem_zero(n, sizeof *rules), rule = 0;
    size_t i = 0;
    if (n == 0)
        rule = error_set(b->error, ERROR_USAGE, "the schema allows nothing: an empty list");
    for (const struct json *c = json_first(list); c != NULL && rule >= 0; c = json_next(c))
        rule = rules[i++] = make(b, c);
    if (rule >= 0)
        rule = choice_rule(b, rules, n);
    mem_free(rules);
    return rule;
}

/* The bounds of a count; most is -1 where there is none. */
static int read_bounds(struct grammar_build *b, const struct json *schema, const char *least_key,
                       const char *most_key, int64_t bounds[2])
{
    bounds[0] = 0;
    bounds[1] = -1;
    if (json_get(schema, least_key) != NULL &&
        json_integer(json_get(schema, least_key), bounds) != 0)
        return refuse(b, least_key);
    if (json_get(schema, most_key) != NULL &&
        json_integer(json_get(schema, most_key), bounds + 1) != 0)
        return refuse(b, most_key);
    if (bounds[0] < 0 || bounds[0] > COUNT_MAX || bounds[1] > COUNT_MAX ||
        (bounds[1] >= 0 && bounds[1] < bounds[0]))
        return error_set(b->error, ERROR_USAGE, "%s and %s: at most %d, and not crossed", least_key,
                         most_key, COUNT_MAX);
    return 0;
}

/* `unit` from bounds[0] to bounds[1] times. */
static int repeat_rule(struct grammar_build *b, int unit, const int64_t bounds[2])
{
    int rule = grammar_rule(b->v.g);
    if (bounds[1] < 0) { /* any number more: nothing | unit rule */
        grammar_or(b->v.g);
        grammar_ref(b->v.g, unit);
        grammar_ref(b->v.g, rule);
    }
    grammar_end(b->v.g);
    for (int64_t i = bounds[1] < 0 ? bounds[0] : bounds[1]; i-- > 0;) {
        const int behind = rule;
        rule = grammar_rule(b->v.g);
        if (i >= bounds[0])
            grammar_or(b->v.g);
        grammar_ref(b->v.g, unit);
        grammar_ref(b->v.g, behind);
        grammar_end(b->v.g);
    }
    return rule;
}

static int string_rule(struct grammar_build *b, const struct json *schema)
{
    int64_t bounds[2];
    int characters, rule;
    if (read_bounds(b, schema, "minLength", "maxLength", bounds) != 0)
        return -1;
    if (bounds[0] == 0 && bounds[1] < 0)
        return b->v.string;
    characters = repeat_rule(b, b->v.character, bounds);
    rule = grammar_rule(b->v.g);
    grammar_build_literal(b, "\"");
    grammar_ref(b->v.g, characters);
    grammar_build_literal(b, "\"");
    grammar_end(b->v.g);
    return rule;
}

/* '[' nothing ']' where allowed, or '[' item (',' item){least-1, most-1} ']' */
static int array_rule(struct grammar_build *b, const struct json *schema)
{
    const struct json *items = json_get(schema, "items");
    const int item = items != NULL ? grammar_build_schema(b, items) : b->v.value;
    int64_t bounds[2], behind[2];
    int unit, more, rule;
    if (item < 0 || read_bounds(b, schema, "minItems", "maxItems", bounds) != 0)
        return -1;
    behind[0] = bounds[0] > 0 ? bounds[0] - 1 : 0;
    behind[1] = bounds[1] > 0 ? bounds[1] - 1 : bounds[1];
    unit = grammar_rule(b->v.g);
    grammar_build_literal(b, ",");
    grammar_ref(b->v.g, b->v.space);
    grammar_ref(b->v.g, item);
    grammar_ref(b->v.g, b->v.space);
    grammar_end(b->v.g);
    more = repeat_rule(b, unit, behind);
    rule = grammar_rule(b->v.g);
    grammar_build_literal(b, "[");
    grammar_ref(b->v.g, b->v.space);
    if (bounds[0] == 0) {
        grammar_build_literal(b, "]");
        if (bounds[1] == 0) {
            grammar_end(b->v.g);
            return rule;
        }
        grammar_or(b->v.g);
        grammar_build_literal(b, "[");
        grammar_ref(b->v.g, b->v.space);
    }
    grammar_ref(b->v.g, item);
    grammar_ref(b->v.g, b->v.space);
    grammar_ref(b->v.g, more);
    grammar_build_literal(b, "]");
    grammar_end(b->v.g);
    return rule;
}

static int boolean_rule(struct grammar_build *b)
{
    const int rule = grammar_rule(b->v.g);
    grammar_build_literal(b, "true");
    grammar_or(b->v.g);
    grammar_build_literal(b, "false");
    grammar_end(b->v.g);
    return rule;
}

static int null_rule(struct grammar_build *b)
{
    const int rule = grammar_rule(b->v.g);
    grammar_build_literal(b, "null");
    grammar_end(b->v.g);
    return rule;
}

static int type_rule(struct grammar_build *b, const struct json *schema, struct slice type)
{
    if (slice_is(type, "object"))
        return grammar_build_object(b, schema);
    if (slice_is(type, "array"))
        return array_rule(b, schema);
    if (slice_is(type, "string"))
        return string_rule(b, schema);
    if (slice_is(type, "number"))
        return b->v.number;
    if (slice_is(type, "integer"))
        return b->v.integer;
    if (slice_is(type, "boolean"))
        return boolean_rule(b);
    if (slice_is(type, "null"))
        return null_rule(b);
    return error_set(b->error, ERROR_USAGE, "the schema names an unknown type '%.*s'",
                     (int)type.len, type.data != NULL ? type.data : "");
}

static int types_rule(struct grammar_build *b, const struct json *schema, const struct json *types)
{
    int rules[8];
    size_t n = 0;
    for (const struct json *t = json_first(types); t != NULL; t = json_next(t)) {
        if (n == 8)
            return refuse(b, "type");
        rules[n] = type_rule(b, schema, json_string(t));
        if (rules[n++] < 0)
            return -1;
    }
    return n != 0 ? choice_rule(b, rules, n) : refuse(b, "type");
}

/* "#", "#/$defs/name", "#/definitions/name": the schema it points to, or NULL. */
static const struct json *resolve(const struct json *root, struct slice ref)
{
    static const char *const folders[] = {"$defs", "definitions"};
    if (slice_is(ref, "#"))
        return root;
    for (size_t i = 0; i < 2; i++) {
        struct buf prefix = BUF;
        const struct json *found = NULL;
        buf_printf(&prefix, "#/%s/", folders[i]);
        if (slice_starts(ref, buf_text(&prefix)))
            found = json_get(json_get(root, folders[i]), ref.data + prefix.len);
        buf_free(&prefix);
        if (found != NULL)
            return found;
    }
    return NULL;
}

/* A rule for each $ref, made once, so that a schema may refer to itself. */
static int ref_rule(struct grammar_build *b, struct slice ref)
{
    const struct json *target = resolve(b->root, ref);
    int rule, body;
    if (target == NULL)
        return error_set(b->error, ERROR_USAGE, "the schema refers to '%.*s', which is not in it",
                         (int)ref.len, ref.data);
    for (size_t i = 0; i < b->n_refs; i++)
        if (b->refs[i].schema == target)
            return b->refs[i].rule;
    rule = grammar_reserve(b->v.g);
    b->refs = vec_reserve(b->refs, &b->refs_cap, b->n_refs + 1, sizeof *b->refs);
    b->refs[b->n_refs].schema = target;
    b->refs[b->n_refs++].rule = rule;
    body = grammar_build_schema(b, target);
    if (body < 0)
        return -1;
    grammar_define(b->v.g, rule);
    grammar_ref(b->v.g, body);
    grammar_end(b->v.g);
    return body == rule ? refuse(b, "$ref") : rule;
}

static int keyword_rule(struct grammar_build *b, const struct json *schema)
{
    const struct json *k;
    if ((k = json_get(schema, "$ref")) != NULL)
        return ref_rule(b, json_string(k));
    if ((k = json_get(schema, "const")) != NULL)
        return constant_rule(b, k);
    if ((k = json_get(schema, "enum")) != NULL)
        return each_rule(b, k, constant_rule);
    if ((k = json_get(schema, "anyOf")) != NULL || (k = json_get(schema, "oneOf")) != NULL)
        return each_rule(b, k, grammar_build_schema);
    if ((k = json_get(schema, "allOf")) != NULL)
        return json_count(k) == 1 ? grammar_build_schema(b, json_at(k, 0)) : refuse(b, "allOf");
    k = json_get(schema, "type");
    if (json_type(k) == JSON_ARRAY)
        return types_rule(b, schema, k);
    if (k != NULL)
        return type_rule(b, schema, json_string(k));
    if (json_get(schema, "properties") != NULL)
        return grammar_build_object(b, schema);
    return json_get(schema, "items") != NULL ? array_rule(b, schema) : b->v.value;
}

int grammar_build_schema(struct grammar_build *b, const struct json *schema)
{
    int rule;
    if (json_type(schema) == JSON_TRUE)
        return b->v.value;
    if (json_type(schema) != JSON_OBJECT)
        return error_set(b->error, ERROR_USAGE, "a schema must be an object or true");
    if (b->depth == DEPTH_MAX)
        return error_set(b->error, ERROR_LIMIT, "the schema is nested deeper than %d", DEPTH_MAX);
    if (check_keywords(b, schema) != 0)
        return -1;
    b->depth++;
    rule = keyword_rule(b, schema);
    b->depth--;
    return rule;
}

struct grammar *grammar_json_schema(const struct json *schema, struct error *error)
{
    struct grammar_build b = build_begin(error);
    b.root = schema;
    return build_end(&b, grammar_build_schema(&b, schema));
}
