/* A grammar being made of a JSON Schema: what grammar_json.c and grammar_object.c share. */
#ifndef SERVE_GRAMMAR_BUILD_H
#define SERVE_GRAMMAR_BUILD_H

#include "core/error.h"
#include "core/json.h"
#include "serve/grammar_values.h"

/* The common rules, and those of the $refs met so far. */
struct grammar_build {
    struct grammar_values v;
    const struct json *root;
    struct {
        const struct json *schema;
        int rule;
    } * refs;
    size_t n_refs, refs_cap;
    struct error *error;
    int depth;
};

/* Append the bytes of a text to the rule in hand. */
static inline void grammar_build_literal(struct grammar_build *b, const char *text)
{
    grammar_literal(b->v.g, slice_of(text));
}

/* The rule of any schema, or -1. */
int grammar_build_schema(struct grammar_build *b, const struct json *schema);
/* grammar_object.c: the rule of an object: its properties in the schema's order, those that are not
 * required left out or not; where it names none, what additionalProperties says of all; or -1. */
int grammar_build_object(struct grammar_build *b, const struct json *schema);

#endif
