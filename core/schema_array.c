/* Keywords about arrays. */
#include "core/mem.h"
#include "core/schema_parts.h"

#include <stdlib.h>

static bool is_array(const struct json *instance)
{
    return json_type(instance) == JSON_ARRAY;
}

static enum schema_verdict verdict(bool valid)
{
    return valid ? SCHEMA_PASS : SCHEMA_WRONG;
}

static size_t prefix_of(const struct schema_node *node)
{
    const struct schema_rule *prefix = schema_find_rule(node, "prefixItems");
    return prefix != NULL ? prefix->n_nodes : 0;
}

enum schema_verdict schema_check_prefix(struct schema_run *run, const struct schema_node *node,
                                        const struct schema_rule *rule, const struct json *instance)
{
    const struct json *child = is_array(instance) ? json_first(instance) : NULL;
    bool valid = true;
    (void)node;
    for (size_t i = 0; child != NULL && i < rule->n_nodes; i++, child = json_next(child))
        valid &= schema_check_child(run, rule->nodes[i], child, i);
    return verdict(valid);
}

enum schema_verdict schema_check_items(struct schema_run *run, const struct schema_node *node,
                                       const struct schema_rule *rule, const struct json *instance)
{
    const struct json *child = is_array(instance) ? json_first(instance) : NULL;
    const size_t prefix = prefix_of(node);
    bool valid = true;
    for (size_t i = 0; child != NULL; i++, child = json_next(child))
        if (i >= prefix)
            valid &= schema_check_child(run, rule->nodes[0], child, i);
    return verdict(valid);
}

/* How many items match; they count as evaluated. */
static int64_t count_matches(struct schema_run *run, const struct schema_node *node,
                             const struct json *instance)
{
    int64_t n = 0;
    for (const struct json *child = json_first(instance); child != NULL; child = json_next(child)) {
        size_t evaluated = run->n_evaluated;
        bool matches = schema_decide(run, node, child);
        run->n_evaluated = evaluated;
        if (matches) {
            schema_evaluated(run, child);
            n++;
        }
    }
    return n;
}

enum schema_verdict schema_check_contains(struct schema_run *run, const struct schema_node *node,
                                          const struct schema_rule *rule,
                                          const struct json *instance)
{
    const struct schema_rule *least = schema_find_rule(node, "minContains");
    const struct schema_rule *most = schema_find_rule(node, "maxContains");
    int64_t low = least != NULL ? least->limit : 1, high = most != NULL ? most->limit : INT64_MAX;
    struct buf expected = BUF;
    int64_t n;
    if (!is_array(instance))
        return SCHEMA_PASS;
    n = count_matches(run, rule->nodes[0], instance);
    if (n >= low && n <= high)
        return SCHEMA_PASS;
    schema_expected(run->schema, rule->nodes[0], &expected);
    schema_violate(run, instance, "expected at %s %lld items that are %s, got %lld",
                   n < low ? "least" : "most", (long long)(n < low ? low : high),
                   buf_text(&expected), (long long)n);
    buf_free(&expected);
    return SCHEMA_WRONG;
}

enum schema_verdict schema_check_min_items(struct schema_run *run, const struct schema_node *node,
                                           const struct schema_rule *rule,
                                           const struct json *instance)
{
    (void)node;
    if (!is_array(instance) || (int64_t)json_count(instance) >= rule->limit)
        return SCHEMA_PASS;
    schema_violate(run, instance, "expected at least %lld items, got %zu", (long long)rule->limit,
                   json_count(instance));
    return SCHEMA_WRONG;
}

enum schema_verdict schema_check_max_items(struct schema_run *run, const struct schema_node *node,
                                           const struct schema_rule *rule,
                                           const struct json *instance)
{
    (void)node;
    if (!is_array(instance) || (int64_t)json_count(instance) <= rule->limit)
        return SCHEMA_PASS;
    schema_violate(run, instance, "expected at most %lld items, got %zu", (long long)rule->limit,
                   json_count(instance));
    return SCHEMA_WRONG;
}

struct item {
    char *text; /* canonical: equal for equal values */
    size_t len, index;
};

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int order = slice_compare(slice_from(x->text, x->len), slice_from(y->text, y->len));
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

enum schema_verdict schema_check_unique(struct schema_run *run, const struct schema_node *node,
                                        const struct schema_rule *rule, const struct json *instance)
{
    size_t n = json_count(instance), i = 0, twice = 0;
    struct item *items;
    (void)node;
    if (!is_array(instance) || !json_true(rule->value) || n < 2)
        return SCHEMA_PASS;
    items = mem_alloc(n * sizeof *items);
    for (const struct json *c = json_first(instance); c != NULL; c = json_next(c), i++) {
        struct buf text = BUF;
        json_write(c, JSON_CANONICAL, &text);
        items[i].len = text.len;
        items[i].text = buf_take(&text);
        items[i].index = i;
    }
    qsort(items, n, sizeof *items, compare_items);
    for (i = 1; i < n && twice == 0; i++)
        if (slice_equal(slice_from(items[i].text, items[i].len),
                        slice_from(items[i - 1].text, items[i - 1].len)))
            twice = i;
    if (twice != 0)
        schema_violate(run, instance, "items %zu and %zu are the same", items[twice - 1].index,
                       items[twice].index);
    for (i = 0; i < n; i++)
        mem_free(items[i].text);
    mem_free(items);
    return verdict(twice == 0);
}
