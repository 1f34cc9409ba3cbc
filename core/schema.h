/*
 * JSON Schema, draft 2020-12: validates recipes here and a teacher's structured output in gen.
 * `format` is an annotation.  References within the document, $defs, $anchor and $id are resolved;
 * remote references are refused when the schema is compiled.
 */
#ifndef CORE_SCHEMA_H
#define CORE_SCHEMA_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"

struct schema;

/* The tree must outlive the schema. */
struct schema *schema_compile(const struct json *root, struct error *error);
void schema_free(struct schema *s);

/* One violation.  `path` is dotted ("train.rank", "messages.0.role"), `text` says what was
 * expected and what stood there, and, for an unknown key, "did you mean". */
struct schema_violation {
    const struct json *node; /* where; for a missing key the object that lacks it */
    const char *path;
    const char *text;
};
typedef void schema_report(void *context, const struct schema_violation *v);

/* 0 valid, or the number of violations, each reported (report may be NULL). */
int schema_check(const struct schema *s, const struct json *instance, schema_report *report,
                 void *context);
/* Put every `default` of the schema where the instance (an owned tree) has no value. */
void schema_fill(const struct schema *s, struct json *instance);

#endif
