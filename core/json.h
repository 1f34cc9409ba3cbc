/*
 * JSON: a strict reader (RFC 8259) in front of cJSON's tree, and an exact writer.
 *
 * cJSON alone accepts 48 of 187 inputs that the RFC refuses, ends strings at NUL and keeps every
 * number as a double.  Here:
 *   - the text is checked first, without recursion: UTF-8, token grammar, depth, trailing text;
 *   - integers that a double cannot hold keep their digits (json_integer, json_write);
 *   - strings may hold NUL: json_string returns a slice; a key's \u0000 becomes U+FFFD;
 *   - JSON_REPAIR turns lone surrogates and invalid UTF-8 into U+FFFD instead of refusing, so
 *     that no paid reply is lost to one bad escape (without it they are refused);
 *   - errors say line, column and what was expected.
 *
 * `struct json` is a node.  The root returned by json_parse or json_new_* is owned by the caller
 * (json_free); nodes inside it are borrowed; json_put/json_push move a node into another.
 * All getters accept NULL and nodes of another type and answer "absent".
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct json;

enum json_type {
    JSON_ABSENT, /* NULL was passed */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

enum json_flags {
    JSON_COMMENTS = 1,  /* allow comments and a comma before ] or }: recipes only */
    JSON_REPAIR = 2,    /* lone surrogates and bad UTF-8 become U+FFFD */
    JSON_PRETTY = 4,    /* writer: two-space indent, a newline at the end */
    JSON_CANONICAL = 8, /* writer: keys sorted bytewise, no space: equal trees give equal bytes */
    JSON_ASCII = 16,    /* writer: everything past 0x7F as \u escapes */
};

enum { JSON_MAX_DEPTH = 512 };

/* Parse the whole text.  NULL and ERROR_INPUT "line:column: what" on failure. */
struct json *json_parse(struct slice text, unsigned flags, struct error *error);
void json_free(struct json *root);
/* As json_parse, with all of the tree in the arena: it is gone with that, and never freed. */
const struct json *json_parse_in(struct arena *arena, struct slice text, unsigned flags,
                                 struct error *error);

/* As json_parse, and remembers where each node stood.  `where` is filled on success only. */
struct json_map;
struct json *json_parse_mapped(struct slice text, unsigned flags, struct json_map **where,
                               struct error *error);
/* Line and column (from 1; columns count characters) of a node of the mapped tree, of its key where
 * it has one; false for a node it does not know. */
bool json_where(const struct json_map *where, const struct json *node, int *line, int *column);
void json_map_free(struct json_map *where);

enum json_type json_type(const struct json *node);
const char *json_type_name(enum json_type type); /* "object", "number", … */
/* The member of that key, of equal keys the last; NULL where absent. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_at(const struct json *array, size_t index);
/* json_path(root, "choices.0.message.content"): keys and indices, dotted. */
const struct json *json_path(const struct json *root, const char *path);
size_t json_count(const struct json *container);
const struct json *json_first(const struct json *container); /* child iteration, in order */
const struct json *json_next(const struct json *child);
const char *json_key(const struct json *child); /* NULL in arrays */

struct slice json_string(const struct json *node); /* the absent slice if no string */
/* The string NUL-terminated, or `fallback`; only for text known to hold no NUL. */
const char *json_text(const struct json *node, const char *fallback);
bool json_true(const struct json *node);                      /* true only for the literal true */
double json_number(const struct json *node, double fallback); /* fallback also past its range */
/* 0 when the node is a number that is an integer within int64 (1.0 and 1e3 are); else -1. */
int json_integer(const struct json *node, int64_t *out);
/* The digits of a number as they stood where a double would not hold them, else the shortest form.
 */
int json_number_text(const struct json *node, struct buf *out);
bool json_is_double(const struct json *node); /* a number, and a double holds it */
int json_number_compare(const struct json *a, const struct json *b); /* of numbers, exact */
bool json_equal(const struct json *a, const struct json *b);         /* by JSON value; 1 == 1.0 */

struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_string(struct slice s);
struct json *json_new_number(double x); /* NaN and infinities become null */
struct json *json_new_integer(int64_t x);
struct json *json_new_bool(bool x);
struct json *json_new_null(void);
struct json *json_copy(const struct json *node);
void json_put(struct json *object, const char *key, struct json *value);    /* replaces; moves */
void json_push(struct json *array, struct json *value);                     /* moves */
void json_put_text(struct json *object, const char *key, const char *text); /* NULL: null */
void json_put_string(struct json *object, const char *key, struct slice s);
void json_put_number(struct json *object, const char *key, double x);
void json_put_integer(struct json *object, const char *key, int64_t x);
void json_put_bool(struct json *object, const char *key, bool x);
void json_remove(struct json *object, const char *key);
/* The member out of its object, now the caller's; NULL where absent. */
struct json *json_take(struct json *object, const char *key);
/* Children as changeable nodes (of a tree the caller owns). */
struct json *json_edit(struct json *object, const char *key);
struct json *json_edit_first(struct json *container);
struct json *json_edit_next(struct json *child);

/* Append the text of the node; -1 when the buffer's maximum was reached. */
int json_write(const struct json *node, unsigned flags, struct buf *out);
/* Append one JSON string literal with its quotes; for writers that need no tree. */
int json_quote(struct slice s, unsigned flags, struct buf *out);

const char *json_library(void); /* the version of cJSON, for `retort doctor` */

#endif
