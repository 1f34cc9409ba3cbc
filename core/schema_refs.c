/* Names and references: $id, $anchor, $dynamicAnchor, $ref, $dynamicRef. */
#include "core/arena.h"
#include "core/mem.h"
#include "core/schema_parts.h"
#include "core/vec.h"

#include <stdlib.h>
#include <string.h>

/* ---- URIs ---- */

/* Length of "scheme:" at the head, 0 where there is none. */
static size_t scheme_length(const char *uri)
{
    size_t n = strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return n != 0 && uri[n] == ':' ? n + 1 : 0;
}

/* Length of "scheme://host" at the head. */
static size_t authority_length(const char *uri)
{
    size_t scheme = scheme_length(uri);
    if (strncmp(uri + scheme, "//", 2) != 0)
        return scheme;
    return scheme + 2 + strcspn(uri + scheme + 2, "/");
}

/* How much of the base stays before the reference (RFC 3986 5.2). */
static size_t base_length(const char *base, const char *reference)
{
    size_t scheme = scheme_length(base), authority = authority_length(base);
    const char *slash;
    if (strncmp(reference, "//", 2) == 0)
        return scheme;
    if (reference[0] == '/')
        return authority;
    slash = strrchr(base + authority, '/');
    return slash != NULL ? (size_t)(slash - base) + 1 : authority;
}

/* Take the last segment off the path that begins at `start`; its first slash stays. */
static void drop_segment(struct buf *out, size_t start)
{
    if (out->len <= start + 1)
        return;
    do {
        out->len--;
    } while (out->len > start && out->data[out->len - 1] != '/');
    out->data[out->len] = '\0';
}

/* Append the path without its "." and ".." segments (RFC 3986 5.2.4). */
static void add_path(const char *path, struct buf *out)
{
    const size_t start = out->len;
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        size_t step = len + (path[len] == '/');
        if (len == 2 && path[0] == '.' && path[1] == '.') {
            drop_segment(out, start);
        } else if (len != 1 || path[0] != '.') {
            buf_add(out, path, step);
        }
        path += step;
    }
}

/* The reference made absolute, without its fragment. */
static const char *absolute(struct schema *s, const char *base, const char *reference)
{
    struct buf whole = BUF, uri = BUF;
    size_t authority;
    const char *name;
    if (scheme_length(reference) == 0)
        buf_add(&whole, base, base_length(base, reference));
    buf_add(&whole, reference, strcspn(reference, "#"));
    authority = authority_length(buf_text(&whole));
    buf_add(&uri, buf_text(&whole), authority);
    add_path(buf_text(&whole) + authority, &uri);
    name = arena_strdup(s->names, buf_text(&uri));
    buf_free(&whole);
    buf_free(&uri);
    return name;
}

static struct schema_resource *find_resource(const struct schema *s, const char *uri)
{
    for (size_t i = 0; i < s->n_resources; i++)
        if (strcmp(s->resources[i]->uri, uri) == 0)
            return s->resources[i];
    return NULL;
}

static const struct schema_anchor *find_anchor(const struct schema *s, const char *name,
                                               const struct schema_resource *resource)
{
    for (size_t i = 0; i < s->n_anchors; i++)
        if (s->anchors[i].resource == resource && strcmp(s->anchors[i].name, name) == 0)
            return &s->anchors[i];
    return NULL;
}

/* ---- entering a subschema ---- */

static int add_resource(struct schema *s, struct schema_node *node,
                        const struct schema_resource *outer, struct error *error)
{
    const char *id = json_text(json_get(node->source, "$id"), "");
    const char *fragment = strchr(id, '#');
    const char *uri = absolute(s, outer != NULL ? outer->uri : "", id);
    struct schema_resource *r;
    if (fragment != NULL && fragment[1] != '\0')
        return error_set(error, ERROR_INPUT, "$id: \"%s\" must not have a fragment", id);
    if (find_resource(s, uri) != NULL)
        return error_set(error, ERROR_INPUT, "$id: \"%s\" is the name of two schemas", uri);
    r = mem_zero(1, sizeof *r);
    *r = (struct schema_resource){uri, node->source};
    s->resources =
        vec_reserve(s->resources, &s->cap_resources, s->n_resources + 1, sizeof *s->resources);
    s->resources[s->n_resources++] = r;
    node->resource = r;
    return 0;
}

static int add_anchor(struct schema *s, struct schema_node *node, const char *keyword,
                      struct error *error)
{
    const char *name = json_text(json_get(node->source, keyword), NULL);
    if (name == NULL)
        return 0;
    if (find_anchor(s, name, node->resource) != NULL)
        return error_set(error, ERROR_INPUT, "%s: \"%s\" is the name of two schemas", keyword,
                         name);
    s->anchors = vec_reserve(s->anchors, &s->cap_anchors, s->n_anchors + 1, sizeof *s->anchors);
    s->anchors[s->n_anchors++] =
        (struct schema_anchor){name, node->resource, node, keyword[1] == 'd'};
    return 0;
}

int schema_enter_source(struct schema *s, struct schema_node *node,
                        const struct schema_resource *outer, struct error *error)
{
    bool named = json_type(json_get(node->source, "$id")) == JSON_STRING;
    node->resource = outer;
    if ((named || outer == NULL) && add_resource(s, node, outer, error) != 0)
        return -1;
    if (add_anchor(s, node, "$anchor", error) != 0)
        return -1;
    return add_anchor(s, node, "$dynamicAnchor", error);
}

/* ---- resolving ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
        return (c | 0x20) - 'a' + 10;
    return -1;
}

static void percent_decode(const char *text, struct buf *out)
{
    for (; *text != '\0'; text++) {
        if (text[0] == '%' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
            buf_char(out, (char)(hex_digit(text[1]) * 16 + hex_digit(text[2])));
            text += 2;
        } else {
            buf_char(out, *text);
        }
    }
}

/* One token of a JSON pointer, "~1" and "~0" undone. */
static void pointer_token(const char *text, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '~' && i + 1 < len && (text[i + 1] == '0' || text[i + 1] == '1'))
            buf_char(out, text[++i] == '0' ? '~' : '/');
        else
            buf_char(out, text[i]);
    }
}

static const struct json *pointer_step(const struct json *at, const char *token)
{
    char *end = NULL;
    unsigned long index;
    if (json_type(at) == JSON_OBJECT)
        return json_get(at, token);
    if (json_type(at) != JSON_ARRAY || token[0] < '0' || token[0] > '9')
        return NULL;
    index = strtoul(token, &end, 10);
    return *end == '\0' ? json_at(at, index) : NULL;
}

/* The node a JSON pointer ("/$defs/x") means; compiled now if no keyword led there. */
static struct schema_node *follow_pointer(struct schema *s, const struct schema_resource *resource,
                                          const char *pointer, struct error *error)
{
    const struct json *at = resource->source;
    while (at != NULL && *pointer == '/') {
        size_t len = strcspn(++pointer, "/");
        struct buf token = BUF;
        const struct schema_node *node;
        pointer_token(pointer, len, &token);
        at = pointer_step(at, buf_text(&token));
        buf_free(&token);
        pointer += len;
        node = at != NULL ? schema_find_node(s, at) : NULL;
        if (node != NULL)
            resource = node->resource;
    }
    if (at == NULL) {
        error_set(error, ERROR_INPUT, "there is nothing at that place of the document");
        return NULL;
    }
    return schema_compile_node(s, at, resource, error);
}

static struct schema_node *follow_fragment(struct schema *s, const struct schema_resource *resource,
                                           const char *fragment, struct schema_rule *rule,
                                           struct error *error)
{
    struct buf plain = BUF;
    struct schema_node *node = NULL;
    percent_decode(fragment, &plain);
    if (plain.len == 0 || buf_text(&plain)[0] == '/') {
        node = follow_pointer(s, resource, buf_text(&plain), error);
    } else {
        const struct schema_anchor *anchor = find_anchor(s, buf_text(&plain), resource);
        if (anchor == NULL) {
            error_set(error, ERROR_INPUT, "there is no $anchor of that name");
        } else {
            node = anchor->node;
            rule->anchor = anchor->dynamic ? anchor->name : NULL;
        }
    }
    buf_free(&plain);
    return node;
}

static int resolve_rule(struct schema *s, const struct schema_node *node, struct schema_rule *rule,
                        struct error *error)
{
    const char *text = json_text(rule->value, "");
    const char *hash = strchr(text, '#');
    const struct schema_resource *resource = node->resource;
    struct schema_node *target;
    if (hash != text)
        resource = find_resource(s, absolute(s, resource->uri, text));
    if (resource == NULL)
        return error_set(error, ERROR_INPUT,
                         "%s \"%s\" is not in this document; put that schema under $defs",
                         rule->keyword->name, text);
    target = follow_fragment(s, resource, hash != NULL ? hash + 1 : "", rule, error);
    if (target == NULL)
        return error_wrap(error, "%s \"%s\"", rule->keyword->name, text);
    rule->nodes = mem_zero(1, sizeof(struct schema_node *));
    rule->nodes[0] = target;
    rule->n_nodes = 1;
    return 0;
}

int schema_resolve(struct schema *s, struct error *error)
{
    for (size_t i = 0; i < s->n_nodes; i++) { /* grows meanwhile */
        struct schema_node *node = s->nodes[i];
        for (size_t k = 0; k < node->n_rules; k++) {
            struct schema_rule *rule = &node->rules[k];
            if (rule->keyword->check != schema_check_ref &&
                rule->keyword->check != schema_check_dynamic_ref)
                continue;
            if (resolve_rule(s, node, rule, error) != 0)
                return -1;
        }
    }
    return 0;
}

const struct schema_node *schema_dynamic(const struct schema_run *run,
                                         const struct schema_rule *rule)
{
    for (size_t i = 0; rule->anchor != NULL && i < run->n_scope; i++) {
        const struct schema_anchor *a = find_anchor(run->schema, rule->anchor, run->scope[i]);
        if (a != NULL && a->dynamic)
            return a->node;
    }
    return rule->nodes[0];
}

/* ---- endless references ---- */

enum color { UNSEEN, OPEN, DONE };

/* Depth first along the schemas that apply to the same instance: a circle would never end. */
static int search_circle(struct schema_node *node, int depth, struct error *error)
{
    enum { DEEPEST = 1000 };
    if (node->color == DONE)
        return 0;
    if (node->color == OPEN)
        return error_set(error, ERROR_INPUT, "a $ref leads back to itself and would never end");
    if (depth == DEEPEST)
        return error_set(error, ERROR_INPUT, "references nest more than %d deep", DEEPEST);
    node->color = OPEN;
    for (size_t i = 0; i < node->n_rules; i++) {
        const struct schema_rule *rule = &node->rules[i];
        for (size_t k = 0; rule->keyword->in_place && k < rule->n_nodes; k++)
            if (search_circle(rule->nodes[k], depth + 1, error) != 0)
                return -1;
    }
    node->color = DONE;
    return 0;
}

int schema_refuse_endless(struct schema *s, struct error *error)
{
    for (size_t i = 0; i < s->n_nodes; i++)
        if (search_circle(s->nodes[i], 0, error) != 0)
            return -1;
    return 0;
}
