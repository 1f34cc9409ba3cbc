/*
 * Grammars of JSON texts: any object, or what a JSON Schema describes.
 */
#ifndef SERVE_GRAMMAR_JSON_H
#define SERVE_GRAMMAR_JSON_H

#include "core/error.h"
#include "core/json.h"
#include "serve/grammar.h"

/* Any JSON object; white space between tokens is at most a blank, or a newline and an indent. */
struct grammar *grammar_json_object(void);

/*
 * The values of a schema made of type (also a list of types), properties, required, items,
 * minItems, maxItems, minLength, maxLength, enum, const, anyOf, oneOf, allOf of one, $ref into
 * $defs, and annotations.  Properties are written in the order of the schema, and no others.  NULL
 * with ERROR_USAGE that names the keyword which cannot be followed byte by byte.
 */
struct grammar *grammar_json_schema(const struct json *schema, struct error *error);

#endif
