/* Keywords that apply other schemas to the same instance. */
#include "core/schema_parts.h"

#include <limits.h>

static enum schema_verdict verdict(bool valid)
{
    return valid ? SCHEMA_PASS : SCHEMA_WRONG;
}

int schema_prepare_ref(struct schema *s, struct schema_rule *rule, struct error *error)
{
    (void)s;
    if (json_type(rule->value) != JSON_STRING)
        return error_set(error, ERROR_INPUT, "expected a string");
    return 0;
}

enum schema_verdict schema_check_ref(struct schema_run *run, const struct schema_node *node,
                                     const struct schema_rule *rule, const struct json *instance)
{
    (void)node;
    return verdict(schema_check_node(run, rule->nodes[0], instance));
}

enum schema_verdict schema_check_dynamic_ref(struct schema_run *run, const struct schema_node *node,
                                             const struct schema_rule *rule,
                                             const struct json *instance)
{
    (void)node;
    return verdict(schema_check_node(run, schema_dynamic(run, rule), instance));
}

enum schema_verdict schema_check_all(struct schema_run *run, const struct schema_node *node,
                                     const struct schema_rule *rule, const struct json *instance)
{
    bool valid = true;
    (void)node;
    for (size_t i = 0; i < rule->n_nodes; i++)
        valid &= schema_check_node(run, rule->nodes[i], instance);
    return verdict(valid);
}

/* ---- alternatives ---- */

/* The node that says the type: itself, or what it refers to. */
static const struct schema_node *typed(const struct schema_node *node)
{
    for (int i = 0; i < 16 && schema_find_rule(node, "type") == NULL; i++) {
        const struct schema_rule *ref = schema_find_rule(node, "$ref");
        if (ref == NULL || ref->n_nodes == 0)
            break;
        node = ref->nodes[0];
    }
    return node;
}

static int count_violations(struct schema_run *run, const struct schema_node *node,
                            const struct json *instance)
{
    int before = run->violations, n;
    size_t evaluated = run->n_evaluated;
    run->mode = MODE_COUNT;
    (void)schema_check_node(run, node, instance);
    n = run->violations - before;
    if (run->steps > 0) {
        run->violations = before;
        run->mode = MODE_REPORT;
    }
    run->n_evaluated = evaluated;
    return n;
}

/* The alternative that an object or array was most likely meant to be. */
static const struct schema_node *likeliest(struct schema_run *run, const struct schema_rule *rule,
                                           const struct json *instance)
{
    const struct schema_node *best = NULL;
    int least = INT_MAX;
    if (json_type(instance) != JSON_OBJECT && json_type(instance) != JSON_ARRAY)
        return NULL;
    for (size_t i = 0; i < rule->n_nodes; i++) {
        int n;
        if (!schema_type_allows(typed(rule->nodes[i]), instance))
            continue;
        n = count_violations(run, rule->nodes[i], instance);
        if (n < least) {
            least = n;
            best = rule->nodes[i];
        }
    }
    return best;
}

/* "integer >= 1 or null": what each alternative expects, neighbours that say the same once. */
static void say_alternatives(struct schema_run *run, const struct schema_rule *rule,
                             struct buf *out)
{
    struct buf last = BUF, next = BUF;
    for (size_t i = 0; i < rule->n_nodes; i++) {
        buf_clear(&next);
        schema_expected(run->schema, rule->nodes[i], &next);
        if (i != 0 && slice_equal(buf_view(&next), buf_view(&last)))
            continue;
        buf_str(out, i != 0 ? " or " : "");
        buf_slice(out, buf_view(&next));
        buf_clear(&last);
        buf_slice(&last, buf_view(&next));
    }
    buf_free(&last);
    buf_free(&next);
}

static void report_none(struct schema_run *run, const struct schema_rule *rule,
                        const struct json *instance)
{
    const struct schema_node *best;
    struct buf text = BUF;
    if (run->mode != MODE_REPORT) {
        schema_violate(run, instance, "no alternative");
        return;
    }
    best = likeliest(run, rule, instance);
    if (best != NULL) {
        (void)schema_check_node(run, best, instance);
        return;
    }
    say_alternatives(run, rule, &text);
    buf_str(&text, ", got ");
    schema_shown(instance, &text);
    schema_violate(run, instance, "expected %s", buf_text(&text));
    buf_free(&text);
}

/* How many alternatives hold, counted up to `enough`. */
static size_t count_holding(struct schema_run *run, const struct schema_rule *rule,
                            const struct json *instance, size_t enough)
{
    size_t n = 0;
    for (size_t i = 0; i < rule->n_nodes && n < enough; i++)
        n += schema_decide(run, rule->nodes[i], instance);
    return n;
}

enum schema_verdict schema_check_any(struct schema_run *run, const struct schema_node *node,
                                     const struct schema_rule *rule, const struct json *instance)
{
    /* What each alternative that holds has looked at counts as evaluated. */
    size_t enough = run->schema->tracks ? SIZE_MAX : 1;
    (void)node;
    if (count_holding(run, rule, instance, enough) != 0)
        return SCHEMA_PASS;
    report_none(run, rule, instance);
    return SCHEMA_WRONG;
}

enum schema_verdict schema_check_one(struct schema_run *run, const struct schema_node *node,
                                     const struct schema_rule *rule, const struct json *instance)
{
    size_t n = count_holding(run, rule, instance, 2);
    (void)node;
    if (n == 1)
        return SCHEMA_PASS;
    if (n == 0)
        report_none(run, rule, instance);
    else
        schema_violate(run, instance, "this fits more than one of the alternatives");
    return SCHEMA_WRONG;
}

enum schema_verdict schema_check_not(struct schema_run *run, const struct schema_node *node,
                                     const struct schema_rule *rule, const struct json *instance)
{
    size_t evaluated = run->n_evaluated;
    bool holds = schema_decide(run, rule->nodes[0], instance);
    struct buf unwanted = BUF;
    (void)node;
    run->n_evaluated = evaluated;
    if (!holds)
        return SCHEMA_PASS;
    schema_expected(run->schema, rule->nodes[0], &unwanted);
    schema_violate(run, instance, "this must not be %s", buf_text(&unwanted));
    buf_free(&unwanted);
    return SCHEMA_WRONG;
}

enum schema_verdict schema_check_if(struct schema_run *run, const struct schema_node *node,
                                    const struct schema_rule *rule, const struct json *instance)
{
    bool holds = schema_decide(run, rule->nodes[0], instance);
    const struct schema_rule *branch = schema_find_rule(node, holds ? "then" : "else");
    return verdict(branch == NULL || schema_check_node(run, branch->nodes[0], instance));
}
