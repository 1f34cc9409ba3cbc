#include "core/schema.h"

#include "core/arena.h"
#include "core/mem.h"
#include "core/schema_parts.h"
#include "core/vec.h"

#include <string.h>

/* Bounds of one check: nested applications, and applications in all.  Only a schema that refers to
 * itself several times over can reach them. */
enum { MAX_DEPTH = 2000, MAX_STEPS = 5000000 };

/* ---- compiling ---- */

/* "an array", "a number". */
static const char *article(enum json_type type)
{
    return type == JSON_ARRAY || type == JSON_OBJECT ? "an" : "a";
}

struct schema_node *schema_find_node(const struct schema *s, const struct json *source)
{
    for (size_t i = 0; i < s->n_nodes; i++)
        if (s->nodes[i]->source == source)
            return s->nodes[i];
    return NULL;
}

const struct schema_rule *schema_find_rule(const struct schema_node *node, const char *keyword)
{
    for (size_t i = 0; i < node->n_rules; i++)
        if (strcmp(node->rules[i].keyword->name, keyword) == 0)
            return &node->rules[i];
    return NULL;
}

int schema_add_pattern(struct schema *s, struct schema_rule *rule, const char *pattern,
                       struct error *error)
{
    struct regex *regex = regex_compile(pattern, REGEX_ECMA, error);
    if (regex == NULL)
        return -1;
    rule->patterns = mem_grow(rule->patterns, rule->n_patterns + 1, sizeof *rule->patterns);
    rule->patterns[rule->n_patterns++] = (struct schema_pattern){regex, s->n_patterns++};
    return 0;
}

static int add_subschema(struct schema *s, struct schema_rule *rule, const struct json *source,
                         const struct schema_resource *resource, struct error *error)
{
    struct schema_node *node = schema_compile_node(s, source, resource, error);
    if (node == NULL)
        return json_key(source) != NULL ? error_wrap(error, "%s", json_key(source)) : -1;
    rule->nodes[rule->n_nodes++] = node;
    return 0;
}

static int compile_subschemas(struct schema *s, struct schema_rule *rule,
                              const struct schema_resource *resource, struct error *error)
{
    const enum json_type type = json_type(rule->value);
    const enum schema_shape shape = rule->keyword->shape;
    if (shape == SHAPE_SCHEMA) {
        rule->nodes = mem_zero(1, sizeof(struct schema_node *));
        rule->nodes[0] = schema_compile_node(s, rule->value, resource, error);
        rule->n_nodes = rule->nodes[0] != NULL;
        return rule->n_nodes != 0 ? 0 : -1;
    }
    if (type != (shape == SHAPE_LIST ? JSON_ARRAY : JSON_OBJECT))
        return error_set(error, ERROR_INPUT, "expected an %s of schemas, found %s %s",
                         shape == SHAPE_LIST ? "array" : "object", article(type),
                         json_type_name(type));
    rule->nodes = mem_zero(json_count(rule->value), sizeof(struct schema_node *));
    for (const struct json *c = json_first(rule->value); c != NULL; c = json_next(c))
        if (add_subschema(s, rule, c, resource, error) != 0)
            return -1;
    return 0;
}

static int compile_rule(struct schema *s, struct schema_node *node,
                        const struct schema_keyword *keyword, struct error *error)
{
    const struct json *value = json_get(node->source, keyword->name);
    struct schema_rule *rule;
    if (value == NULL)
        return 0;
    node->rules = mem_grow(node->rules, node->n_rules + 1, sizeof *node->rules);
    rule = &node->rules[node->n_rules++];
    *rule = (struct schema_rule){.keyword = keyword, .value = value, .divisor.digits = BUF};
    if (keyword->shape != SHAPE_VALUE && compile_subschemas(s, rule, node->resource, error) != 0)
        return error_wrap(error, "%s", keyword->name);
    if (keyword->prepare != NULL && keyword->prepare(s, rule, error) != 0)
        return error_wrap(error, "%s", keyword->name);
    return 0;
}

struct schema_node *schema_compile_node(struct schema *s, const struct json *source,
                                        const struct schema_resource *resource, struct error *error)
{
    enum json_type type = json_type(source);
    struct schema_node *node = schema_find_node(s, source);
    if (node != NULL)
        return node;
    if (type != JSON_OBJECT && type != JSON_TRUE && type != JSON_FALSE) {
        error_set(error, ERROR_INPUT, "a schema must be an object or true or false, not %s %s",
                  article(type), json_type_name(type));
        return NULL;
    }
    node = mem_zero(1, sizeof *node);
    node->source = source;
    s->nodes = vec_reserve(s->nodes, &s->cap_nodes, s->n_nodes + 1, sizeof *s->nodes);
    s->nodes[s->n_nodes++] = node;
    if (schema_enter_source(s, node, resource, error) != 0)
        return NULL;
    for (const struct schema_keyword *k = schema_keywords; k->name != NULL; k++)
        if (compile_rule(s, node, k, error) != 0)
            return NULL;
    return node;
}

struct schema *schema_compile(const struct json *root, struct error *error)
{
    struct schema *s = mem_zero(1, sizeof *s);
    s->names = mem_zero(1, sizeof *s->names);
    s->root = schema_compile_node(s, root, NULL, error);
    if (s->root == NULL || schema_resolve(s, error) != 0 || schema_refuse_endless(s, error) != 0) {
        error_wrap(error, "schema");
        schema_free(s);
        return NULL;
    }
    return s;
}

static void free_node(struct schema_node *node)
{
    for (size_t i = 0; i < node->n_rules; i++) {
        struct schema_rule *rule = &node->rules[i];
        for (size_t k = 0; k < rule->n_patterns; k++)
            regex_free(rule->patterns[k].regex);
        mem_free(rule->patterns);
        mem_free(rule->nodes);
        decimal_free(&rule->divisor);
    }
    mem_free(node->rules);
    mem_free(node);
}

void schema_free(struct schema *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_nodes; i++)
        free_node(s->nodes[i]);
    for (size_t i = 0; i < s->n_resources; i++)
        mem_free(s->resources[i]);
    arena_free(s->names);
    mem_free(s->names);
    mem_free(s->nodes);
    mem_free(s->resources);
    mem_free(s->anchors);
    mem_free(s);
}

/* ---- checking ---- */

void schema_evaluated(struct schema_run *run, const struct json *child)
{
    if (!run->schema->tracks)
        return;
    run->evaluated = vec_reserve(run->evaluated, &run->cap_evaluated, run->n_evaluated + 1,
                                 sizeof(const struct json *));
    run->evaluated[run->n_evaluated++] = child;
}

static void enter_scope(struct schema_run *run, const struct schema_resource *resource)
{
    run->scope = vec_reserve(run->scope, &run->cap_scope, run->n_scope + 1,
                             sizeof(const struct schema_resource *));
    run->scope[run->n_scope++] = resource;
}

static bool check_rules(struct schema_run *run, const struct schema_node *node,
                        const struct json *instance)
{
    bool valid = true, wrong_value = false;
    for (size_t i = 0; i < node->n_rules; i++) {
        const struct schema_rule *rule = &node->rules[i];
        enum schema_verdict verdict = SCHEMA_PASS;
        /* What has been looked at is only known where everything else was valid. */
        if (!valid && rule->keyword->prepare == schema_prepare_tracking)
            continue;
        if (rule->keyword->check != NULL)
            verdict = rule->keyword->check(run, node, rule, instance);
        valid &= verdict == SCHEMA_PASS;
        wrong_value |= verdict == SCHEMA_WRONG_VALUE;
        if (!valid && run->mode == MODE_DECIDE)
            return false;
    }
    if (wrong_value)
        schema_wrong_value(run, node, instance);
    return valid;
}

static bool check_bounded(struct schema_run *run, const struct schema_node *node,
                          const struct json *instance)
{
    size_t mark = run->mark, scope = run->n_scope;
    bool valid;
    if (json_type(node->source) == JSON_TRUE)
        return true;
    if (json_type(node->source) == JSON_FALSE) {
        schema_violate(run, instance, "nothing is allowed here");
        return false;
    }
    if (scope == 0 || run->scope[scope - 1] != node->resource)
        enter_scope(run, node->resource);
    run->mark = run->n_evaluated;
    valid = check_rules(run, node, instance);
    if (!valid)
        run->n_evaluated = run->mark;
    run->mark = mark;
    run->n_scope = scope;
    return valid;
}

bool schema_check_node(struct schema_run *run, const struct schema_node *node,
                       const struct json *instance)
{
    bool valid = false;
    if (run->steps <= 0) /* said once, below */
        return false;
    if (run->depth == MAX_DEPTH || --run->steps == 0) {
        run->steps = 0;
        run->mode = MODE_REPORT;
        schema_violate(run, instance, "the schema nests or repeats too much to be checked");
        return false;
    }
    run->depth++;
    valid = check_bounded(run, node, instance);
    run->depth--;
    return valid;
}

bool schema_check_child(struct schema_run *run, const struct schema_node *node,
                        const struct json *child, size_t index)
{
    size_t evaluated = run->n_evaluated, len = schema_path_push(run, child, index);
    bool valid = schema_check_node(run, node, child);
    schema_path_pop(run, len);
    run->n_evaluated = evaluated; /* what was looked at inside the child is no child of ours */
    schema_evaluated(run, child);
    return valid;
}

bool schema_decide(struct schema_run *run, const struct schema_node *node,
                   const struct json *instance)
{
    enum schema_mode mode = run->mode;
    int violations = run->violations;
    bool valid;
    run->mode = MODE_DECIDE;
    valid = schema_check_node(run, node, instance);
    if (run->steps > 0) {
        run->mode = mode;
        run->violations = violations;
    }
    return valid;
}

int schema_match(struct schema_run *run, const struct schema_pattern *p, struct slice text)
{
    struct regex_match **m;
    if (run->matches == NULL)
        run->matches = mem_zero(run->schema->n_patterns, sizeof *run->matches);
    m = &run->matches[p->number];
    if (*m == NULL)
        *m = regex_match_new(p->regex);
    return regex_find(p->regex, text, 0, *m, NULL);
}

struct schema_run schema_run_new(const struct schema *s)
{
    return (struct schema_run){.schema = s, .path = BUF, .steps = MAX_STEPS};
}

void schema_run_end(struct schema_run *run)
{
    for (size_t i = 0; run->matches != NULL && i < run->schema->n_patterns; i++)
        regex_match_free(run->matches[i]);
    mem_free(run->matches);
    mem_free(run->evaluated);
    mem_free(run->scope);
    buf_free(&run->path);
}

int schema_check(const struct schema *s, const struct json *instance, schema_report *report,
                 void *context)
{
    struct schema_run run = schema_run_new(s);
    bool valid;
    run.report = report;
    run.context = context;
    if (report == NULL)
        run.mode = MODE_COUNT;
    valid = schema_check_node(&run, s->root, instance);
    schema_run_end(&run);
    return valid ? 0 : run.violations != 0 ? run.violations : 1;
}
