#include "serve/grammar_json.h"

#include "core/buf.h"
#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

/* NESTING bounds free JSON values, so that a stack of the grammar can always hold them. */
enum { INDENT_MAX = 16, COUNT_MAX = 512, DEPTH_MAX = 32, NESTING = 24 };

/* The rules every JSON grammar shares, and those of the $refs met so far. */
struct build {
    struct grammar *g;
    const struct json *root;
    int space, string, character, number, integer, value, object, array;
    struct {
        const struct json *schema;
        int rule;
    } * refs;
    size_t n_refs, refs_cap;
    struct error *error;
    int depth;
};

static void literal(struct build *b, const char *text)
{
    grammar_literal(b->g, slice_of(text));
}

/* -- the common rules ----------------------------------------------------------------------- */

/* space: nothing | ' ' | '\n' and up to INDENT_MAX blanks */
static void define_space(struct build *b)
{
    int indent = grammar_rule(b->g);
    grammar_end(b->g);
    for (int i = 0; i < INDENT_MAX; i++) {
        const int longer = grammar_rule(b->g);
        grammar_or(b->g);
        literal(b, " ");
        grammar_ref(b->g, indent);
        grammar_end(b->g);
        indent = longer;
    }
    b->space = grammar_rule(b->g);
    grammar_or(b->g);
    literal(b, " ");
    grammar_or(b->g);
    literal(b, "\n");
    grammar_ref(b->g, indent);
    grammar_end(b->g);
}

/* UTF-8 past ASCII, by the table of well-formed sequences (Unicode 3.9, table 3-7). */
static int define_multibyte(struct build *b)
{
    static const unsigned char forms[][8] = {
        {0xC2, 0xDF, 0x80, 0xBF},
        {0xE0, 0xE0, 0xA0, 0xBF, 0x80, 0xBF},
        {0xE1, 0xEC, 0x80, 0xBF, 0x80, 0xBF},
        {0xED, 0xED, 0x80, 0x9F, 0x80, 0xBF},
        {0xEE, 0xEF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF0, 0xF0, 0x90, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF1, 0xF3, 0x80, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF4, 0xF4, 0x80, 0x8F, 0x80, 0xBF, 0x80, 0xBF},
    };
    const size_t n = sizeof forms / sizeof *forms;
    const int rule = grammar_rule(b->g);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < 8 && forms[i][k] != 0; k += 2)
            grammar_range(b->g, forms[i][k], forms[i][k + 1]);
        if (i + 1 < n)
            grammar_or(b->g);
    }
    grammar_end(b->g);
    return rule;
}

static int define_hex(struct build *b)
{
    const int rule = grammar_rule(b->g);
    grammar_range(b->g, '0', '9');
    grammar_or(b->g);
    grammar_range(b->g, 'a', 'f');
    grammar_or(b->g);
    grammar_range(b->g, 'A', 'F');
    grammar_end(b->g);
    return rule;
}

/* \uXXXX without the surrogates D800 to DFFF, which alone would be no character. */
static int define_unicode_escape(struct build *b)
{
    const int hex = define_hex(b), rule = grammar_rule(b->g);
    static const char first[][2] = {{'0', '9'}, {'a', 'c'}, {'A', 'C'}, {'e', 'f'}, {'E', 'F'}};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        grammar_range(b->g, (unsigned char)first[i][0], (unsigned char)first[i][1]);
        for (int k = 0; k < 3; k++)
            grammar_ref(b->g, hex);
        grammar_or(b->g);
    }
    for (int upper = 0; upper < 2; upper++) {
        literal(b, upper ? "D" : "d");
        grammar_range(b->g, '0', '7');
        grammar_ref(b->g, hex);
        grammar_ref(b->g, hex);
        if (upper == 0)
            grammar_or(b->g);
    }
    grammar_end(b->g);
    return rule;
}

static void define_string(struct build *b)
{
    const int multibyte = define_multibyte(b), unicode = define_unicode_escape(b);
    int characters;
    b->character = grammar_rule(b->g);
    grammar_except(b->g, "\"\\\x7f");
    grammar_or(b->g);
    grammar_ref(b->g, multibyte);
    for (const char *c = "\"\\/bfnrt"; *c != '\0'; c++) {
        grammar_or(b->g);
        literal(b, "\\");
        grammar_range(b->g, (unsigned char)*c, (unsigned char)*c);
    }
    grammar_or(b->g);
    literal(b, "\\u");
    grammar_ref(b->g, unicode);
    grammar_end(b->g);
    characters = grammar_rule(b->g);
    grammar_or(b->g);
    grammar_ref(b->g, b->character);
    grammar_ref(b->g, characters);
    grammar_end(b->g);
    b->string = grammar_rule(b->g);
    literal(b, "\"");
    grammar_ref(b->g, characters);
    literal(b, "\"");
    grammar_end(b->g);
}

/* At most 15 further digits, so that a number ends and a double holds it. */
static int define_digits(struct build *b)
{
    int digits = grammar_rule(b->g);
    grammar_end(b->g);
    for (int i = 0; i < 15; i++) {
        const int longer = grammar_rule(b->g);
        grammar_or(b->g);
        grammar_range(b->g, '0', '9');
        grammar_ref(b->g, digits);
        grammar_end(b->g);
        digits = longer;
    }
    return digits;
}

static void define_numbers(struct build *b)
{
    const int digits = define_digits(b);
    const int natural = grammar_rule(b->g);
    int tail;
    literal(b, "0");
    grammar_or(b->g);
    grammar_range(b->g, '1', '9');
    grammar_ref(b->g, digits);
    grammar_end(b->g);
    b->integer = grammar_rule(b->g);
    grammar_ref(b->g, natural);
    grammar_or(b->g);
    literal(b, "-");
    grammar_ref(b->g, natural);
    grammar_end(b->g);
    tail = grammar_rule(b->g);
    grammar_or(b->g);
    literal(b, ".");
    grammar_range(b->g, '0', '9');
    grammar_ref(b->g, digits);
    grammar_end(b->g);
    b->number = grammar_rule(b->g);
    grammar_ref(b->g, b->integer);
    grammar_ref(b->g, tail);
    grammar_end(b->g);
}

/* '[' or '{', members of rule `member`, ',' between them. */
static int define_container(struct build *b, const char *brackets, int member)
{
    const int more = grammar_rule(b->g);
    int rule;
    grammar_or(b->g);
    literal(b, ",");
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, member);
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, more);
    grammar_end(b->g);
    rule = grammar_rule(b->g);
    grammar_range(b->g, (unsigned char)brackets[0], (unsigned char)brackets[0]);
    grammar_ref(b->g, b->space);
    grammar_range(b->g, (unsigned char)brackets[1], (unsigned char)brackets[1]);
    grammar_or(b->g);
    grammar_range(b->g, (unsigned char)brackets[0], (unsigned char)brackets[0]);
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, member);
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, more);
    grammar_range(b->g, (unsigned char)brackets[1], (unsigned char)brackets[1]);
    grammar_end(b->g);
    return rule;
}

/* A value that is no container, or one of the two rules where there are any. */
static int define_value(struct build *b, int object, int array)
{
    static const char *const words[] = {"true", "false", "null"};
    const int rule = grammar_rule(b->g);
    grammar_ref(b->g, b->string);
    grammar_or(b->g);
    grammar_ref(b->g, b->number);
    for (int i = 0; i < 3; i++) {
        grammar_or(b->g);
        literal(b, words[i]);
    }
    if (object >= 0) {
        grammar_or(b->g);
        grammar_ref(b->g, object);
        grammar_or(b->g);
        grammar_ref(b->g, array);
    }
    grammar_end(b->g);
    return rule;
}

/* Values, level by level from the innermost outwards. */
static void define_values(struct build *b)
{
    b->value = define_value(b, -1, -1);
    for (int level = 0; level < NESTING; level++) {
        const int member = grammar_rule(b->g);
        grammar_ref(b->g, b->string);
        literal(b, ":");
        grammar_ref(b->g, b->space);
        grammar_ref(b->g, b->value);
        grammar_end(b->g);
        b->object = define_container(b, "{}", member);
        b->array = define_container(b, "[]", b->value);
        b->value = define_value(b, b->object, b->array);
    }
}

static void build_begin(struct build *b, struct error *error)
{
    *b = (struct build){.g = grammar_new(), .error = error};
    define_space(b);
    define_string(b);
    define_numbers(b);
    define_values(b);
}

/* A text is one value and nothing else. */
static struct grammar *build_end(struct build *b, int rule)
{
    struct grammar *g = b->g;
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
    struct build b;
    build_begin(&b, NULL);
    return build_end(&b, b.object);
}

/* -- schemas -------------------------------------------------------------------------------- */

static int schema_rule(struct build *b, const struct json *schema);

static int refuse(struct build *b, const char *keyword)
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

static int check_keywords(struct build *b, const struct json *schema)
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
static int constant_rule(struct build *b, const struct json *value)
{
    struct buf text = BUF;
    int rule;
    json_write(value, 0, &text);
    rule = grammar_rule(b->g);
    grammar_literal(b->g, buf_view(&text));
    grammar_end(b->g);
    buf_free(&text);
    return rule;
}

/* A choice of rules. */
static int choice_rule(struct build *b, const int *rules, size_t n)
{
    const int rule = grammar_rule(b->g);
    for (size_t i = 0; i < n; i++) {
        if (i != 0)
            grammar_or(b->g);
        grammar_ref(b->g, rules[i]);
    }
    grammar_end(b->g);
    return rule;
}

/* One rule for each child of an array, then their choice. */
static int each_rule(struct build *b, const struct json *list,
                     int (*make)(struct build *, const struct json *))
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

static bool is_required(const struct json *schema, const char *name)
{
    const struct json *list = json_get(schema, "required");
    for (const struct json *r = json_first(list); r != NULL; r = json_next(r))
        if (slice_is(json_string(r), name))
            return true;
    return false;
}

static int member_rule(struct build *b, const struct json *property)
{
    struct buf name = BUF;
    const int value = schema_rule(b, property);
    int rule;
    if (value < 0)
        return -1;
    json_quote(slice_of(json_key(property)), 0, &name);
    rule = grammar_rule(b->g);
    grammar_literal(b->g, buf_view(&name));
    literal(b, ":");
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, value);
    grammar_end(b->g);
    buf_free(&name);
    return rule;
}

/* What may follow from property `i` on, made from the last to the first:
 *     rest: ',' member rest' (| rest' when optional)     a member was written before
 *     head: member rest'     (| head' when optional)     none was */
static int object_rule(struct build *b, const struct json *schema)
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
    rest = head = grammar_rule(b->g);
    grammar_end(b->g);
    for (size_t i = n; i-- > 0 && rule >= 0;) {
        const int rest_behind = rest, head_behind = head;
        rest = grammar_rule(b->g);
        literal(b, ",");
        grammar_ref(b->g, b->space);
        grammar_ref(b->g, members[i]);
        grammar_ref(b->g, b->space);
        grammar_ref(b->g, rest_behind);
        if (!needed[i]) {
            grammar_or(b->g);
            grammar_ref(b->g, rest_behind);
        }
        grammar_end(b->g);
        head = grammar_rule(b->g);
        grammar_ref(b->g, members[i]);
        grammar_ref(b->g, b->space);
        grammar_ref(b->g, rest_behind);
        if (!needed[i]) {
            grammar_or(b->g);
            grammar_ref(b->g, head_behind);
        }
        grammar_end(b->g);
    }
    mem_free(members);
    mem_free(needed);
    if (rule < 0)
        return -1;
    rule = grammar_rule(b->g);
    literal(b, "{");
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, head);
    literal(b, "}");
    grammar_end(b->g);
    return rule;
}

/* The bounds of a count; most is -1 where there is none. */
static int read_bounds(struct build *b, const struct json *schema, const char *least_key,
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
static int repeat_rule(struct build *b, int unit, const int64_t bounds[2])
{
    int rule = grammar_rule(b->g);
    if (bounds[1] < 0) { /* any number more: nothing | unit rule */
        grammar_or(b->g);
        grammar_ref(b->g, unit);
        grammar_ref(b->g, rule);
    }
    grammar_end(b->g);
    for (int64_t i = bounds[1] < 0 ? bounds[0] : bounds[1]; i-- > 0;) {
        const int behind = rule;
        rule = grammar_rule(b->g);
        if (i >= bounds[0])
            grammar_or(b->g);
        grammar_ref(b->g, unit);
        grammar_ref(b->g, behind);
        grammar_end(b->g);
    }
    return rule;
}

static int string_rule(struct build *b, const struct json *schema)
{
    int64_t bounds[2];
    int characters, rule;
    if (read_bounds(b, schema, "minLength", "maxLength", bounds) != 0)
        return -1;
    if (bounds[0] == 0 && bounds[1] < 0)
        return b->string;
    characters = repeat_rule(b, b->character, bounds);
    rule = grammar_rule(b->g);
    literal(b, "\"");
    grammar_ref(b->g, characters);
    literal(b, "\"");
    grammar_end(b->g);
    return rule;
}

/* '[' nothing ']' where allowed, or '[' item (',' item){least-1, most-1} ']' */
static int array_rule(struct build *b, const struct json *schema)
{
    const struct json *items = json_get(schema, "items");
    const int item = items != NULL ? schema_rule(b, items) : b->value;
    int64_t bounds[2], behind[2];
    int unit, more, rule;
    if (item < 0 || read_bounds(b, schema, "minItems", "maxItems", bounds) != 0)
        return -1;
    behind[0] = bounds[0] > 0 ? bounds[0] - 1 : 0;
    behind[1] = bounds[1] > 0 ? bounds[1] - 1 : bounds[1];
    unit = grammar_rule(b->g);
    literal(b, ",");
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, item);
    grammar_ref(b->g, b->space);
    grammar_end(b->g);
    more = repeat_rule(b, unit, behind);
    rule = grammar_rule(b->g);
    literal(b, "[");
    grammar_ref(b->g, b->space);
    if (bounds[0] == 0) {
        literal(b, "]");
        if (bounds[1] == 0) {
            grammar_end(b->g);
            return rule;
        }
        grammar_or(b->g);
        literal(b, "[");
        grammar_ref(b->g, b->space);
    }
    grammar_ref(b->g, item);
    grammar_ref(b->g, b->space);
    grammar_ref(b->g, more);
    literal(b, "]");
    grammar_end(b->g);
    return rule;
}

static int boolean_rule(struct build *b)
{
    const int rule = grammar_rule(b->g);
    literal(b, "true");
    grammar_or(b->g);
    literal(b, "false");
    grammar_end(b->g);
    return rule;
}

static int null_rule(struct build *b)
{
    const int rule = grammar_rule(b->g);
    literal(b, "null");
    grammar_end(b->g);
    return rule;
}

static int type_rule(struct build *b, const struct json *schema, struct slice type)
{
    if (slice_is(type, "object"))
        return json_count(json_get(schema, "properties")) != 0 ? object_rule(b, schema) : b->object;
    if (slice_is(type, "array"))
        return array_rule(b, schema);
    if (slice_is(type, "string"))
        return string_rule(b, schema);
    if (slice_is(type, "number"))
        return b->number;
    if (slice_is(type, "integer"))
        return b->integer;
    if (slice_is(type, "boolean"))
        return boolean_rule(b);
    if (slice_is(type, "null"))
        return null_rule(b);
    return error_set(b->error, ERROR_USAGE, "the schema names an unknown type '%.*s'",
                     (int)type.len, type.data != NULL ? type.data : "");
}

static int types_rule(struct build *b, const struct json *schema, const struct json *types)
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
static int ref_rule(struct build *b, struct slice ref)
{
    const struct json *target = resolve(b->root, ref);
    int rule, body;
    if (target == NULL)
        return error_set(b->error, ERROR_USAGE, "the schema refers to '%.*s', which is not in it",
                         (int)ref.len, ref.data);
    for (size_t i = 0; i < b->n_refs; i++)
        if (b->refs[i].schema == target)
            return b->refs[i].rule;
    rule = grammar_reserve(b->g);
    b->refs = vec_reserve(b->refs, &b->refs_cap, b->n_refs + 1, sizeof *b->refs);
    b->refs[b->n_refs].schema = target;
    b->refs[b->n_refs++].rule = rule;
    body = schema_rule(b, target);
    if (body < 0)
        return -1;
    grammar_define(b->g, rule);
    grammar_ref(b->g, body);
    grammar_end(b->g);
    return body == rule ? refuse(b, "$ref") : rule;
}

static int keyword_rule(struct build *b, const struct json *schema)
{
    const struct json *k;
    if ((k = json_get(schema, "$ref")) != NULL)
        return ref_rule(b, json_string(k));
    if ((k = json_get(schema, "const")) != NULL)
        return constant_rule(b, k);
    if ((k = json_get(schema, "enum")) != NULL)
        return each_rule(b, k, constant_rule);
    if ((k = json_get(schema, "anyOf")) != NULL || (k = json_get(schema, "oneOf")) != NULL)
        return each_rule(b, k, schema_rule);
    if ((k = json_get(schema, "allOf")) != NULL)
        return json_count(k) == 1 ? schema_rule(b, json_at(k, 0)) : refuse(b, "allOf");
    k = json_get(schema, "type");
    if (json_type(k) == JSON_ARRAY)
        return types_rule(b, schema, k);
    if (k != NULL)
        return type_rule(b, schema, json_string(k));
    if (json_get(schema, "properties") != NULL)
        return object_rule(b, schema);
    return json_get(schema, "items") != NULL ? array_rule(b, schema) : b->value;
}

static int schema_rule(struct build *b, const struct json *schema)
{
    int rule;
    if (json_type(schema) == JSON_TRUE)
        return b->value;
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
    struct build b;
    build_begin(&b, error);
    b.root = schema;
    return build_end(&b, schema_rule(&b, schema));
}
