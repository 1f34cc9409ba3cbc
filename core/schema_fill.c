/* Putting defaults where the instance has no value. */
#include "core/mem.h"
#include "core/schema_parts.h"

#include <string.h>

/* A default that holds itself again would never end. */
enum { DEEPEST = 64 };

static void fill(struct schema_run *run, const struct schema_node *node, struct json *instance,
                 int depth);

/* The default of a subschema, its own or of what it refers to. */
static const struct json *default_of(const struct schema_node *node)
{
    for (int i = 0; i < 16; i++) {
        const struct json *value = json_get(node->source, "default");
        const struct schema_rule *ref = schema_find_rule(node, "$ref");
        if (value != NULL || ref == NULL)
            return value;
        node = ref->nodes[0];
    }
    return NULL;
}

static void fill_properties(struct schema_run *run, const struct schema_rule *rule,
                            struct json *object, int depth)
{
    const struct json *c = json_first(rule->value);
    if (json_type(object) != JSON_OBJECT)
        return;
    for (size_t i = 0; i < rule->n_nodes; i++, c = json_next(c)) {
        const struct json *value = default_of(rule->nodes[i]);
        if (json_get(object, json_key(c)) == NULL && value != NULL)
            json_put(object, json_key(c), json_copy(value));
        fill(run, rule->nodes[i], json_edit(object, json_key(c)), depth + 1);
    }
}

static void fill_items(struct schema_run *run, const struct schema_node *node,
                       const struct schema_rule *rule, struct json *array, int depth)
{
    const struct schema_rule *prefix = schema_find_rule(node, "prefixItems");
    size_t skip = prefix != NULL && prefix != rule ? prefix->n_nodes : 0, i = 0;
    struct json *child = json_type(array) == JSON_ARRAY ? json_edit_first(array) : NULL;
    for (; child != NULL; child = json_edit_next(child), i++) {
        if (rule == prefix && i < rule->n_nodes)
            fill(run, rule->nodes[i], child, depth + 1);
        else if (rule != prefix && i >= skip)
            fill(run, rule->nodes[0], child, depth + 1);
    }
}

static void fill_others(struct schema_run *run, const struct schema_node *node,
                        const struct schema_rule *rule, struct json *object, int depth)
{
    const struct schema_rule *named = schema_find_rule(node, "properties");
    struct json *child = json_type(object) == JSON_OBJECT ? json_edit_first(object) : NULL;
    for (; child != NULL; child = json_edit_next(child))
        if (named == NULL || json_get(named->value, json_key(child)) == NULL)
            fill(run, rule->nodes[0], child, depth + 1);
}

/* The alternatives that hold for the instance. */
static void fill_holding(struct schema_run *run, const struct schema_rule *rule,
                         struct json *instance, int depth)
{
    for (size_t i = 0; i < rule->n_nodes; i++) {
        if (!schema_decide(run, rule->nodes[i], instance))
            continue;
        fill(run, rule->nodes[i], instance, depth + 1);
        return;
    }
}

static void fill_if(struct schema_run *run, const struct schema_node *node,
                    const struct schema_rule *rule, struct json *instance, int depth)
{
    bool holds = schema_decide(run, rule->nodes[0], instance);
    const struct schema_rule *branch = schema_find_rule(node, holds ? "then" : "else");
    if (branch != NULL)
        fill(run, branch->nodes[0], instance, depth + 1);
}

static void fill(struct schema_run *run, const struct schema_node *node, struct json *instance,
                 int depth)
{
    if (instance == NULL || depth > DEEPEST)
        return;
    for (size_t i = 0; i < node->n_rules; i++) {
        const struct schema_rule *rule = &node->rules[i];
        const char *name = rule->keyword->name;
        if (strcmp(name, "properties") == 0)
            fill_properties(run, rule, instance, depth);
        else if (strcmp(name, "items") == 0 || strcmp(name, "prefixItems") == 0)
            fill_items(run, node, rule, instance, depth);
        else if (strcmp(name, "additionalProperties") == 0)
            fill_others(run, node, rule, instance, depth);
        else if (strcmp(name, "$ref") == 0)
            fill(run, rule->nodes[0], instance, depth + 1);
        else if (strcmp(name, "anyOf") == 0 || strcmp(name, "oneOf") == 0)
            fill_holding(run, rule, instance, depth);
        else if (strcmp(name, "if") == 0)
            fill_if(run, node, rule, instance, depth);
        for (size_t k = 0; strcmp(name, "allOf") == 0 && k < rule->n_nodes; k++)
            fill(run, rule->nodes[k], instance, depth + 1);
    }
}

void schema_fill(const struct schema *s, struct json *instance)
{
    struct schema_run run = schema_run_new(s);
    fill(&run, s->root, instance, 0);
    schema_run_end(&run);
}
