/*
 * The inside of the JSON Schema validator, shared by core/schema*.c and nobody else.
 *
 * Compiling turns every subschema into a node: its keywords, in the order of the keyword table,
 * as rules.  Checking walks nodes and the instance together.
 *
 *     schema.c          compile, check, the public face
 *     schema_keywords.c the keyword table
 *     schema_refs.c     $id, $anchor, $ref: who is meant
 *     schema_value.c    type, enum, bounds, lengths, pattern
 *     schema_object.c, schema_array.c, schema_combine.c, schema_unevaluated.c
 *     schema_words.c    what was expected, in words
 *     schema_fill.c     defaults
 */
#ifndef CORE_SCHEMA_PARTS_H
#define CORE_SCHEMA_PARTS_H

#include "core/decimal.h"
#include "core/regex.h"
#include "core/schema.h"

#include <stdbool.h>
#include <stdint.h>

struct schema_node;
struct schema_rule;
struct schema_run;

enum schema_verdict {
    SCHEMA_PASS,
    SCHEMA_WRONG_VALUE, /* the caller says what was expected, once for all rules of the node */
    SCHEMA_WRONG,       /* already reported */
};

/* What the value of a keyword holds. */
enum schema_shape {
    SHAPE_VALUE,  /* no schema */
    SHAPE_SCHEMA, /* one */
    SHAPE_LIST,   /* an array of them */
    SHAPE_MAP,    /* an object of them */
};

struct schema_keyword {
    const char *name;
    enum schema_shape shape;
    bool in_place; /* applies its schemas to the instance itself, not to a child */
    /* Look at the value when compiling; NULL: nothing to look at. */
    int (*prepare)(struct schema *s, struct schema_rule *rule, struct error *error);
    /* NULL: annotates, or is read by another keyword. */
    enum schema_verdict (*check)(struct schema_run *run, const struct schema_node *node,
                                 const struct schema_rule *rule, const struct json *instance);
};

/* In order of checking: what needs the annotations of others comes last. */
extern const struct schema_keyword schema_keywords[];

struct schema_pattern {
    struct regex *regex;
    size_t number; /* of its match data in a run */
};

struct schema_rule {
    const struct schema_keyword *keyword;
    const struct json *value;
    struct schema_node **nodes; /* the subschemas, in the order they stand in the value */
    size_t n_nodes;
    struct schema_pattern *patterns; /* pattern: one; patternProperties: one for each node */
    size_t n_patterns;
    int64_t limit;          /* of minLength and its kin */
    struct decimal divisor; /* of multipleOf */
    const char *anchor;     /* of a $dynamicRef that may be overridden */
};

struct schema_resource {
    const char *uri; /* without fragment */
    const struct json *source;
};

struct schema_node {
    const struct json *source;
    const struct schema_resource *resource;
    struct schema_rule *rules;
    size_t n_rules;
    char color; /* of the search for endless references */
};

struct schema_anchor {
    const char *name;
    const struct schema_resource *resource;
    struct schema_node *node;
    bool dynamic;
};

struct schema {
    struct arena *names; /* URIs */
    struct schema_node *root;
    struct schema_node **nodes;
    size_t n_nodes, cap_nodes;
    struct schema_resource **resources;
    size_t n_resources, cap_resources;
    struct schema_anchor *anchors;
    size_t n_anchors, cap_anchors;
    size_t n_patterns;
    bool tracks; /* some unevaluated* needs to know what was looked at */
};

/* How a run treats what it finds. */
enum schema_mode {
    MODE_REPORT, /* tell the caller, go on */
    MODE_COUNT,  /* count, go on */
    MODE_DECIDE, /* stop at the first */
};

struct schema_run {
    const struct schema *schema;
    schema_report *report;
    void *context;
    enum schema_mode mode;
    int violations;
    struct buf path;
    int depth;
    int64_t steps;                 /* what is left of them */
    const struct json **evaluated; /* children looked at, a stack */
    size_t n_evaluated, cap_evaluated;
    size_t mark;                          /* where those of the present node begin */
    const struct schema_resource **scope; /* resources entered, outermost first */
    size_t n_scope, cap_scope;
    struct regex_match **matches; /* by number of pattern; made when needed */
};

/* schema.c */
struct schema_node *schema_compile_node(struct schema *s, const struct json *source,
                                        const struct schema_resource *resource,
                                        struct error *error);
struct schema_node *schema_find_node(const struct schema *s, const struct json *source);
const struct schema_rule *schema_find_rule(const struct schema_node *node, const char *keyword);
/* The instance against the node, in place.  Reports as the mode says. */
bool schema_check_node(struct schema_run *run, const struct schema_node *node,
                       const struct json *instance);
/* As above for a child of the instance, which from then on counts as evaluated. */
bool schema_check_child(struct schema_run *run, const struct schema_node *node,
                        const struct json *child, size_t index);
/* Only whether it is valid; nothing is reported. */
bool schema_decide(struct schema_run *run, const struct schema_node *node,
                   const struct json *instance);
void schema_evaluated(struct schema_run *run, const struct json *child);
struct schema_run schema_run_new(const struct schema *s);
void schema_run_end(struct schema_run *run);
/* 1 the pattern occurs in the text, 0 not, -1 it took too long. */
int schema_match(struct schema_run *run, const struct schema_pattern *p, struct slice text);
int schema_add_pattern(struct schema *s, struct schema_rule *rule, const char *pattern,
                       struct error *error);

/* schema_refs.c */
int schema_enter_source(struct schema *s, struct schema_node *node,
                        const struct schema_resource *outer, struct error *error);
int schema_resolve(struct schema *s, struct error *error); /* all $ref and $dynamicRef */
int schema_refuse_endless(struct schema *s, struct error *error);
/* The node a $dynamicRef means in the scope of the run. */
const struct schema_node *schema_dynamic(const struct schema_run *run,
                                         const struct schema_rule *rule);

/* schema_words.c */
void schema_violate(struct schema_run *run, const struct json *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "integer >= 1", "one of \"a\", \"b\"": appended. */
void schema_expected(const struct schema *s, const struct schema_node *node, struct buf *out);
/* Reports "expected …, got …". */
void schema_wrong_value(struct schema_run *run, const struct schema_node *node,
                        const struct json *instance);
/* The value for a message: short. */
void schema_shown(const struct json *value, struct buf *out);
/* Add one step to the path of the run; returns the length to go back to. */
size_t schema_path_push(struct schema_run *run, const struct json *child, size_t index);
void schema_path_pop(struct schema_run *run, size_t len);

/* schema_value.c */
/* Whether the `type` of the node (if it has one) allows the instance. */
bool schema_type_allows(const struct schema_node *node, const struct json *instance);

typedef enum schema_verdict schema_check_fn(struct schema_run *, const struct schema_node *,
                                            const struct schema_rule *, const struct json *);
typedef int schema_prepare_fn(struct schema *, struct schema_rule *, struct error *);

schema_check_fn schema_check_type, schema_check_enum, schema_check_const, schema_check_minimum,
    schema_check_maximum, schema_check_exclusive_minimum, schema_check_exclusive_maximum,
    schema_check_multiple, schema_check_min_length, schema_check_max_length, schema_check_pattern;
schema_prepare_fn schema_prepare_type, schema_prepare_array, schema_prepare_number,
    schema_prepare_multiple, schema_prepare_limit, schema_prepare_pattern, schema_prepare_bool;

/* schema_object.c */
/* Reports a key that may not be there, with the nearest that may. */
void schema_unknown_key(struct schema_run *run, const struct schema_node *node,
                        const struct json *child);
schema_check_fn schema_check_required, schema_check_properties, schema_check_pattern_properties,
    schema_check_additional, schema_check_names, schema_check_min_properties,
    schema_check_max_properties, schema_check_dependent_required, schema_check_dependent_schemas;
schema_prepare_fn schema_prepare_required, schema_prepare_patterns,
    schema_prepare_dependent_required;

/* schema_array.c */
schema_check_fn schema_check_prefix, schema_check_items, schema_check_contains,
    schema_check_min_items, schema_check_max_items, schema_check_unique;

/* schema_combine.c */
schema_check_fn schema_check_all, schema_check_any, schema_check_one, schema_check_not,
    schema_check_if, schema_check_ref, schema_check_dynamic_ref;
schema_prepare_fn schema_prepare_ref;

/* schema_unevaluated.c */
schema_check_fn schema_check_unevaluated_properties, schema_check_unevaluated_items;
schema_prepare_fn schema_prepare_tracking;

#endif
