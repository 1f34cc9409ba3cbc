/* unevaluatedProperties and unevaluatedItems: children that nothing else has looked at. */
#include "core/mem.h"
#include "core/schema_parts.h"

#include <stdlib.h>
#include <string.h>

int schema_prepare_tracking(struct schema *s, struct schema_rule *rule, struct error *error)
{
    (void)rule;
    (void)error;
    s->tracks = true;
    return 0;
}

static int compare_pointers(const void *a, const void *b)
{
    const struct json *const *x = a, *const *y = b;
    return (*x > *y) - (*x < *y);
}

/* Of two members with the same key only the last is the value; the first was never looked at. */
static bool is_shadowed(const struct json *instance, const struct json *child)
{
    return json_key(child) != NULL && json_get(instance, json_key(child)) != child;
}

static bool check_one(struct schema_run *run, const struct schema_node *node,
                      const struct schema_rule *rule, const struct json *child, size_t index)
{
    if (json_type(rule->value) != JSON_FALSE)
        return schema_check_child(run, rule->nodes[0], child, index);
    if (json_key(child) != NULL)
        schema_unknown_key(run, node, child);
    else
        schema_violate(run, child, "item %zu is one too many", index);
    return false;
}

static enum schema_verdict check_rest(struct schema_run *run, const struct schema_node *node,
                                      const struct schema_rule *rule, const struct json *instance)
{
    const size_t n = run->n_evaluated - run->mark;
    const struct json **known = mem_alloc((n + 1) * sizeof(const struct json *));
    bool valid = true;
    size_t index = 0;
    if (n != 0)
        memcpy(known, run->evaluated + run->mark, n * sizeof(const struct json *));
    qsort(known, n, sizeof(const struct json *), compare_pointers);
    for (const struct json *c = json_first(instance); c != NULL; c = json_next(c), index++) {
        if (bsearch(&c, known, n, sizeof(const struct json *), compare_pointers) != NULL)
            continue;
        if (!is_shadowed(instance, c))
            valid &= check_one(run, node, rule, c, index);
    }
    mem_free(known);
    return valid ? SCHEMA_PASS : SCHEMA_WRONG;
}

enum schema_verdict schema_check_unevaluated_properties(struct schema_run *run,
                                                        const struct schema_node *node,
                                                        const struct schema_rule *rule,
                                                        const struct json *instance)
{
    return json_type(instance) == JSON_OBJECT ? check_rest(run, node, rule, instance) : SCHEMA_PASS;
}

enum schema_verdict schema_check_unevaluated_items(struct schema_run *run,
                                                   const struct schema_node *node,
                                                   const struct schema_rule *rule,
                                                   const struct json *instance)
{
    return json_type(instance) == JSON_ARRAY ? check_rest(run, node, rule, instance) : SCHEMA_PASS;
}
