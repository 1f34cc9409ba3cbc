/*
 * The fields of the recipe, read from its schema: what `retort init` writes, what `retort help
 * recipe` explains, and what the tests hold the schema to.
 */
#ifndef CLI_FIELDS_H
#define CLI_FIELDS_H

#include "core/json.h"

#include <stdbool.h>

struct field {
    const char *path;           /* "train.rank" */
    const char *key;            /* "rank" */
    int depth;                  /* 0: a field of the recipe itself */
    bool group;                 /* has fields of its own, which follow */
    const char *description;    /* "" where there is none */
    const struct json *value;   /* the default, NULL where there is none */
    const struct json *example; /* the first, NULL where there is none */
    const struct json *choices; /* array of what it may be, NULL: not a choice */
    const char *type;           /* "integer", "string"; "" where it may be several */
};

/* In the order of the schema; a group is told again, with `ends` true, behind its last field. */
typedef void fields_fn(void *context, const struct field *f, bool ends);
void fields_walk(const struct json *schema, fields_fn *fn, void *context);
/* "train.rank  integer  [8]". */
void fields_line(const struct field *f, struct buf *out);
/* The recipe's schema, compiled into the binary; an owned tree. */
struct json *fields_schema(void);

#endif
