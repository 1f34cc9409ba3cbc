/* Keywords about objects. */
#include "core/nearest.h"
#include "core/schema_parts.h"

static bool is_object(const struct json *instance)
{
    return json_type(instance) == JSON_OBJECT;
}

static enum schema_verdict verdict(bool valid)
{
    return valid ? SCHEMA_PASS : SCHEMA_WRONG;
}

/* ---- required ---- */

static int check_names(const struct json *names, struct error *error)
{
    if (json_type(names) != JSON_ARRAY)
        return error_set(error, ERROR_INPUT, "expected an array of strings");
    for (const struct json *n = json_first(names); n != NULL; n = json_next(n))
        if (json_type(n) != JSON_STRING)
            return error_set(error, ERROR_INPUT, "expected an array of strings");
    return 0;
}

int schema_prepare_required(struct schema *s, struct schema_rule *rule, struct error *error)
{
    (void)s;
    return check_names(rule->value, error);
}

int schema_prepare_dependent_required(struct schema *s, struct schema_rule *rule,
                                      struct error *error)
{
    (void)s;
    if (json_type(rule->value) != JSON_OBJECT)
        return error_set(error, ERROR_INPUT, "expected an object");
    for (const struct json *c = json_first(rule->value); c != NULL; c = json_next(c))
        if (check_names(c, error) != 0)
            return error_wrap(error, "%s", json_key(c));
    return 0;
}

/* All names must be keys of the object; `because` names the key that asks for them, or NULL. */
static bool require(struct schema_run *run, const struct json *names, const struct json *instance,
                    const char *because)
{
    bool valid = true;
    for (const struct json *n = json_first(names); n != NULL; n = json_next(n)) {
        if (json_get(instance, json_text(n, "")) != NULL)
            continue;
        valid = false;
        if (because == NULL)
            schema_violate(run, instance, "\"%s\" is missing", json_text(n, ""));
        else
            schema_violate(run, instance, "\"%s\" is missing; \"%s\" needs it", json_text(n, ""),
                           because);
    }
    return valid;
}

enum schema_verdict schema_check_required(struct schema_run *run, const struct schema_node *node,
                                          const struct schema_rule *rule,
                                          const struct json *instance)
{
    (void)node;
    return verdict(!is_object(instance) || require(run, rule->value, instance, NULL));
}

enum schema_verdict schema_check_dependent_required(struct schema_run *run,
                                                    const struct schema_node *node,
                                                    const struct schema_rule *rule,
                                                    const struct json *instance)
{
    bool valid = true;
    (void)node;
    for (const struct json *c = json_first(rule->value); c != NULL; c = json_next(c))
        if (json_get(instance, json_key(c)) != NULL)
            valid &= require(run, c, instance, json_key(c));
    return verdict(valid);
}

enum schema_verdict schema_check_dependent_schemas(struct schema_run *run,
                                                   const struct schema_node *node,
                                                   const struct schema_rule *rule,
                                                   const struct json *instance)
{
    const struct json *c = json_first(rule->value);
    bool valid = true;
    (void)node;
    for (size_t i = 0; i < rule->n_nodes; i++, c = json_next(c))
        if (json_get(instance, json_key(c)) != NULL)
            valid &= schema_check_node(run, rule->nodes[i], instance);
    return verdict(valid);
}

/* ---- members ---- */

int schema_prepare_patterns(struct schema *s, struct schema_rule *rule, struct error *error)
{
    for (const struct json *c = json_first(rule->value); c != NULL; c = json_next(c))
        if (schema_add_pattern(s, rule, json_key(c), error) != 0)
            return -1;
    return 0;
}

enum schema_verdict schema_check_properties(struct schema_run *run, const struct schema_node *node,
                                            const struct schema_rule *rule,
                                            const struct json *instance)
{
    const struct json *c = json_first(rule->value);
    bool valid = true;
    (void)node;
    if (!is_object(instance))
        return SCHEMA_PASS;
    for (size_t i = 0; i < rule->n_nodes; i++, c = json_next(c)) {
        const struct json *child = json_get(instance, json_key(c));
        if (child != NULL)
            valid &= schema_check_child(run, rule->nodes[i], child, 0);
    }
    return verdict(valid);
}

enum schema_verdict schema_check_pattern_properties(struct schema_run *run,
                                                    const struct schema_node *node,
                                                    const struct schema_rule *rule,
                                                    const struct json *instance)
{
    bool valid = true;
    (void)node;
    if (!is_object(instance))
        return SCHEMA_PASS;
    for (const struct json *child = json_first(instance); child != NULL; child = json_next(child))
        for (size_t i = 0; i < rule->n_nodes; i++)
            if (schema_match(run, &rule->patterns[i], slice_of(json_key(child))) == 1)
                valid &= schema_check_child(run, rule->nodes[i], child, 0);
    return verdict(valid);
}

/* Whether `properties` or `patternProperties` of the node speak of the key. */
static bool is_spoken_of(struct schema_run *run, const struct schema_node *node, const char *key)
{
    const struct schema_rule *named = schema_find_rule(node, "properties");
    const struct schema_rule *patterns = schema_find_rule(node, "patternProperties");
    if (named != NULL && json_get(named->value, key) != NULL)
        return true;
    for (size_t i = 0; patterns != NULL && i < patterns->n_nodes; i++)
        if (schema_match(run, &patterns->patterns[i], slice_of(key)) == 1)
            return true;
    return false;
}

/* Report a key that may not be there, with the nearest that may. */
void schema_unknown_key(struct schema_run *run, const struct schema_node *node,
                        const struct json *child)
{
    const struct schema_rule *named = schema_find_rule(node, "properties");
    struct nearest near = nearest_start(json_key(child));
    const char *meant = NULL;
    size_t len = schema_path_push(run, child, 0);
    if (run->mode == MODE_REPORT && named != NULL) {
        for (const struct json *c = json_first(named->value); c != NULL; c = json_next(c))
            nearest_try(&near, json_key(c));
        meant = nearest_word(&near);
    }
    if (meant != NULL)
        schema_violate(run, child, "unknown key; did you mean \"%s\"?", meant);
    else
        schema_violate(run, child, "unknown key");
    schema_path_pop(run, len);
}

enum schema_verdict schema_check_additional(struct schema_run *run, const struct schema_node *node,
                                            const struct schema_rule *rule,
                                            const struct json *instance)
{
    bool valid = true;
    if (!is_object(instance))
        return SCHEMA_PASS;
    for (const struct json *child = json_first(instance); child != NULL; child = json_next(child)) {
        if (is_spoken_of(run, node, json_key(child)))
            continue;
        if (json_type(rule->value) == JSON_FALSE) {
            schema_unknown_key(run, node, child);
            valid = false;
        } else {
            valid &= schema_check_child(run, rule->nodes[0], child, 0);
        }
    }
    return verdict(valid);
}

enum schema_verdict schema_check_names(struct schema_run *run, const struct schema_node *node,
                                       const struct schema_rule *rule, const struct json *instance)
{
    bool valid = true;
    (void)node;
    if (!is_object(instance))
        return SCHEMA_PASS;
    for (const struct json *child = json_first(instance); child != NULL; child = json_next(child)) {
        struct json *name = json_new_string(slice_of(json_key(child)));
        struct buf expected = BUF;
        if (!schema_decide(run, rule->nodes[0], name)) {
            valid = false;
            schema_expected(run->schema, rule->nodes[0], &expected);
            schema_violate(run, child, "\"%s\" is no key here; expected %s", json_key(child),
                           buf_text(&expected));
        }
        buf_free(&expected);
        json_free(name);
    }
    return verdict(valid);
}

enum schema_verdict schema_check_min_properties(struct schema_run *run,
                                                const struct schema_node *node,
                                                const struct schema_rule *rule,
                                                const struct json *instance)
{
    (void)node;
    if (!is_object(instance) || (int64_t)json_count(instance) >= rule->limit)
        return SCHEMA_PASS;
    schema_violate(run, instance, "expected at least %lld keys, got %zu", (long long)rule->limit,
                   json_count(instance));
    return SCHEMA_WRONG;
}

enum schema_verdict schema_check_max_properties(struct schema_run *run,
                                                const struct schema_node *node,
                                                const struct schema_rule *rule,
                                                const struct json *instance)
{
    (void)node;
    if (!is_object(instance) || (int64_t)json_count(instance) <= rule->limit)
        return SCHEMA_PASS;
    schema_violate(run, instance, "expected at most %lld keys, got %zu", (long long)rule->limit,
                   json_count(instance));
    return SCHEMA_WRONG;
}
