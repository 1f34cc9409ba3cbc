/* Keywords about one value: type, enum, const, numbers, strings. */
#include "core/schema_parts.h"
#include "core/unicode.h"

#include <math.h>
#include <string.h>

static const char *const type_names[] = {"null",   "boolean", "integer", "number",
                                         "string", "array",   "object",  NULL};

static bool is_integer(const struct json *number)
{
    struct buf text = BUF;
    struct decimal d;
    bool yes;
    if (json_is_double(number)) {
        double x = json_number(number, 0.5);
        return x == trunc(x);
    }
    json_number_text(number, &text);
    d = decimal_parse(buf_view(&text));
    yes = decimal_is_integer(&d);
    decimal_free(&d);
    buf_free(&text);
    return yes;
}

static bool has_type(const struct json *instance, const char *type)
{
    enum json_type t = json_type(instance);
    if (strcmp(type, "integer") == 0)
        return t == JSON_NUMBER && is_integer(instance);
    return strcmp(type, json_type_name(t)) == 0;
}

static bool type_allows(const struct json *type, const struct json *instance)
{
    if (json_type(type) == JSON_STRING)
        return has_type(instance, json_text(type, ""));
    for (const struct json *t = json_first(type); t != NULL; t = json_next(t))
        if (has_type(instance, json_text(t, "")))
            return true;
    return false;
}

bool schema_type_allows(const struct schema_node *node, const struct json *instance)
{
    const struct schema_rule *rule = schema_find_rule(node, "type");
    return rule == NULL || type_allows(rule->value, instance);
}

static int check_type_name(const struct json *name, struct error *error)
{
    for (int i = 0; type_names[i] != NULL; i++)
        if (strcmp(json_text(name, ""), type_names[i]) == 0)
            return 0;
    return error_set(error, ERROR_INPUT,
                     "expected null, boolean, integer, number, string, array or object");
}

int schema_prepare_type(struct schema *s, struct schema_rule *rule, struct error *error)
{
    (void)s;
    if (json_type(rule->value) != JSON_ARRAY)
        return check_type_name(rule->value, error);
    for (const struct json *t = json_first(rule->value); t != NULL; t = json_next(t))
        if (check_type_name(t, error) != 0)
            return -1;
    return 0;
}

int schema_prepare_array(struct schema *s, struct schema_rule *rule, struct error *error)
{
    (void)s;
    if (json_type(rule->value) != JSON_ARRAY)
        return error_set(error, ERROR_INPUT, "expected an array");
    return 0;
}

int schema_prepare_bool(struct schema *s, struct schema_rule *rule, struct error *error)
{
    enum json_type t = json_type(rule->value);
    (void)s;
    if (t != JSON_TRUE && t != JSON_FALSE)
        return error_set(error, ERROR_INPUT, "expected true or false");
    return 0;
}

int schema_prepare_number(struct schema *s, struct schema_rule *rule, struct error *error)
{
    (void)s;
    if (json_type(rule->value) != JSON_NUMBER)
        return error_set(error, ERROR_INPUT, "expected a number");
    return 0;
}

int schema_prepare_limit(struct schema *s, struct schema_rule *rule, struct error *error)
{
    (void)s;
    if (json_integer(rule->value, &rule->limit) != 0 || rule->limit < 0)
        return error_set(error, ERROR_INPUT, "expected an integer >= 0");
    return 0;
}

int schema_prepare_multiple(struct schema *s, struct schema_rule *rule, struct error *error)
{
    struct buf text = BUF;
    if (schema_prepare_number(s, rule, error) != 0)
        return -1;
    json_number_text(rule->value, &text);
    rule->divisor = decimal_parse(buf_view(&text));
    buf_free(&text);
    if (rule->divisor.digits.len == 0 || rule->divisor.negative)
        return error_set(error, ERROR_INPUT, "expected a number > 0");
    if (rule->divisor.digits.len > DECIMAL_MAX_DIVISOR)
        return error_set(error, ERROR_INPUT, "at most %d digits are supported",
                         DECIMAL_MAX_DIVISOR);
    return 0;
}

int schema_prepare_pattern(struct schema *s, struct schema_rule *rule, struct error *error)
{
    if (json_type(rule->value) != JSON_STRING)
        return error_set(error, ERROR_INPUT, "expected a string");
    return schema_add_pattern(s, rule, json_text(rule->value, ""), error);
}

static enum schema_verdict verdict(bool valid)
{
    return valid ? SCHEMA_PASS : SCHEMA_WRONG_VALUE;
}

enum schema_verdict schema_check_type(struct schema_run *run, const struct schema_node *node,
                                      const struct schema_rule *rule, const struct json *instance)
{
    (void)run;
    (void)node;
    return verdict(type_allows(rule->value, instance));
}

enum schema_verdict schema_check_enum(struct schema_run *run, const struct schema_node *node,
                                      const struct schema_rule *rule, const struct json *instance)
{
    (void)run;
    (void)node;
    for (const struct json *c = json_first(rule->value); c != NULL; c = json_next(c))
        if (json_equal(c, instance))
            return SCHEMA_PASS;
    return SCHEMA_WRONG_VALUE;
}

enum schema_verdict schema_check_const(struct schema_run *run, const struct schema_node *node,
                                       const struct schema_rule *rule, const struct json *instance)
{
    (void)run;
    (void)node;
    return verdict(json_equal(rule->value, instance));
}

/* Order of a number against the bound; 0 in *applies for what is no number. */
static int order(const struct schema_rule *rule, const struct json *instance, bool *applies)
{
    *applies = json_type(instance) == JSON_NUMBER;
    return *applies ? json_number_compare(instance, rule->value) : 0;
}

enum schema_verdict schema_check_minimum(struct schema_run *run, const struct schema_node *node,
                                         const struct schema_rule *rule,
                                         const struct json *instance)
{
    bool applies;
    (void)run;
    (void)node;
    return verdict(order(rule, instance, &applies) >= 0);
}

enum schema_verdict schema_check_maximum(struct schema_run *run, const struct schema_node *node,
                                         const struct schema_rule *rule,
                                         const struct json *instance)
{
    bool applies;
    (void)run;
    (void)node;
    return verdict(order(rule, instance, &applies) <= 0);
}

enum schema_verdict schema_check_exclusive_minimum(struct schema_run *run,
                                                   const struct schema_node *node,
                                                   const struct schema_rule *rule,
                                                   const struct json *instance)
{
    bool applies;
    (void)run;
    (void)node;
    return verdict(order(rule, instance, &applies) > 0 || !applies);
}

enum schema_verdict schema_check_exclusive_maximum(struct schema_run *run,
                                                   const struct schema_node *node,
                                                   const struct schema_rule *rule,
                                                   const struct json *instance)
{
    bool applies;
    (void)run;
    (void)node;
    return verdict(order(rule, instance, &applies) < 0 || !applies);
}

enum schema_verdict schema_check_multiple(struct schema_run *run, const struct schema_node *node,
                                          const struct schema_rule *rule,
                                          const struct json *instance)
{
    struct buf text = BUF;
    struct decimal d;
    bool multiple;
    (void)run;
    (void)node;
    if (json_type(instance) != JSON_NUMBER)
        return SCHEMA_PASS;
    json_number_text(instance, &text);
    d = decimal_parse(buf_view(&text));
    multiple = decimal_is_multiple(&d, &rule->divisor);
    decimal_free(&d);
    buf_free(&text);
    return verdict(multiple);
}

/* Characters of the string, or `other` for what is no string. */
static int64_t length(const struct json *instance, int64_t other)
{
    if (json_type(instance) != JSON_STRING)
        return other;
    return (int64_t)utf8_count(json_string(instance));
}

enum schema_verdict schema_check_min_length(struct schema_run *run, const struct schema_node *node,
                                            const struct schema_rule *rule,
                                            const struct json *instance)
{
    (void)run;
    (void)node;
    return verdict(length(instance, INT64_MAX) >= rule->limit);
}

enum schema_verdict schema_check_max_length(struct schema_run *run, const struct schema_node *node,
                                            const struct schema_rule *rule,
                                            const struct json *instance)
{
    (void)run;
    (void)node;
    return verdict(length(instance, 0) <= rule->limit);
}

enum schema_verdict schema_check_pattern(struct schema_run *run, const struct schema_node *node,
                                         const struct schema_rule *rule,
                                         const struct json *instance)
{
    (void)node;
    if (json_type(instance) != JSON_STRING)
        return SCHEMA_PASS;
    return verdict(schema_match(run, &rule->patterns[0], json_string(instance)) == 1);
}
