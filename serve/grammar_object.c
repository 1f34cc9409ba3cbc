/* The grammar of JSON objects that follow a schema. */
#include "core/buf.h"
#include "core/mem.h"
#include "serve/grammar_build.h"

static bool is_required(const struct json *schema, const char *name)
{
    const struct json *list = json_get(schema, "required");
    for (const struct json *r = json_first(list); r != NULL; r = json_next(r))
        if (slice_is(json_string(r), name))
            return true;
    return false;
}

static int member_rule(struct grammar_build *b, const struct json *property)
{
    struct buf name = BUF;
    const int value = grammar_build_schema(b, property);
    int rule;
    if (value < 0)
        return -1;
    json_quote(slice_of(json_key(property)), 0, &name);
    rule = grammar_rule(b->v.g);
    grammar_literal(b->v.g, buf_view(&name));
    grammar_build_literal(b, ":");
    grammar_ref(b->v.g, b->v.space);
    grammar_ref(b->v.g, value);
    grammar_end(b->v.g);
    buf_free(&name);
    return rule;
}

/* What may follow from property `i` on, made from the last to the first:
 *     rest: ',' member rest' (| rest' when optional)     a member was written before
 *     head: member rest'     (| head' when optional)     none was */
static int object_rule(struct grammar_build *b, const struct json *schema)
{
    const struct json *properties = json_get(schema, "properties");
    const size_t n = json_count(properties);
    int *members = mem_zero(n, sizeof *members), rest, head, rule = 0;
    bool *needed = mem_zero(n, sizeof *needed);
    const struct json *p = json_first(properties);
    for (size_t i = 0; i < n && rule >= 0; i++, p = json_next(p)) {
        needed[i] = is_required(schema, json_key(p));
        rule = members[i] = member_rule(b, p);
    }
    rest = head = grammar_rule(b->v.g);
    grammar_end(b->v.g);
    for (size_t i = n; i-- > 0 && rule >= 0;) {
        const int rest_behind = rest, head_behind = head;
        rest = grammar_rule(b->v.g);
        grammar_build_literal(b, ",");
        grammar_ref(b->v.g, b->v.space);
        grammar_ref(b->v.g, members[i]);
        grammar_ref(b->v.g, b->v.space);
        grammar_ref(b->v.g, rest_behind);
        if (!needed[i]) {
            grammar_or(b->v.g);
            grammar_ref(b->v.g, rest_behind);
        }
        grammar_end(b->v.g);
        head = grammar_rule(b->v.g);
        grammar_ref(b->v.g, members[i]);
        grammar_ref(b->v.g, b->v.space);
        grammar_ref(b->v.g, rest_behind);
        if (!needed[i]) {
            grammar_or(b->v.g);
            grammar_ref(b->v.g, head_behind);
        }
        grammar_end(b->v.g);
    }
    mem_free(members);
    mem_free(needed);
    if (rule < 0)
        return -1;
    rule = grammar_rule(b->v.g);
    grammar_build_literal(b, "{");
    grammar_ref(b->v.g, b->v.space);
    grammar_ref(b->v.g, head);
    grammar_build_literal(b, "}");
    grammar_end(b->v.g);
    return rule;
}

/* Any names, each with a value of the schema: '{' '}' | '{' member (',' member)* '}' */
static int map_rule(struct grammar_build *b, const struct json *schema)
{
    const int value = grammar_build_schema(b, schema);
    int member, more, rule;
    if (value < 0)
        return -1;
    member = grammar_rule(b->v.g);
    grammar_ref(b->v.g, b->v.string);
    grammar_ref(b->v.g, b->v.space);
    grammar_build_literal(b, ":");
    grammar_ref(b->v.g, b->v.space);
    grammar_ref(b->v.g, value);
    grammar_ref(b->v.g, b->v.space);
    grammar_end(b->v.g);
    more = grammar_rule(b->v.g);
    grammar_or(b->v.g);
    grammar_build_literal(b, ",");
    grammar_ref(b->v.g, b->v.space);
    grammar_ref(b->v.g, member);
    grammar_ref(b->v.g, more);
    grammar_end(b->v.g);
    rule = grammar_rule(b->v.g);
    grammar_build_literal(b, "{");
    grammar_ref(b->v.g, b->v.space);
    grammar_build_literal(b, "}");
    grammar_or(b->v.g);
    grammar_build_literal(b, "{");
    grammar_ref(b->v.g, b->v.space);
    grammar_ref(b->v.g, member);
    grammar_ref(b->v.g, more);
    grammar_build_literal(b, "}");
    grammar_end(b->v.g);
    return rule;
}

/* Names that are required have to be among the properties: nothing else says what stands there. */
static int check_required(struct grammar_build *b, const struct json *schema)
{
    const struct json *properties = json_get(schema, "properties");
    const struct json *list = json_get(schema, "required");
    for (const struct json *r = json_first(list); r != NULL; r = json_next(r))
        if (json_get(properties, json_text(r, "")) == NULL)
            return error_set(b->error, ERROR_USAGE,
                             "the schema requires '%.100s', which is not among its properties",
                             json_text(r, ""));
    return 0;
}

int grammar_build_object(struct grammar_build *b, const struct json *schema)
{
    const struct json *others = json_get(schema, "additionalProperties");
    if (check_required(b, schema) != 0)
        return -1;
    if (json_count(json_get(schema, "properties")) != 0 || json_type(others) == JSON_FALSE)
        return object_rule(b, schema);
    return json_type(others) == JSON_OBJECT ? map_rule(b, others) : b->v.object;
}
