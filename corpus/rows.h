/*
 * Rows of a query as JSON: an object a row, its columns as keys.  NULL becomes null, or is left
 * out; a blob becomes its hexadecimal digits.
 */
#ifndef CORPUS_ROWS_H
#define CORPUS_ROWS_H

#include "core/error.h"
#include "core/json.h"
#include "corpus/corpus.h"
#include "corpus/sql.h"

#include <stdbool.h>
#include <stdint.h>

/* The row that stands ready. */
struct json *rows_object(struct sql_stmt *q, bool nulls);
/* All rows of a query (without null columns), with ?1 bound to `id`; NULL on failure. */
struct json *rows_array(struct corpus *c, const char *text, int64_t id, struct error *error);
/* The first row as an object; 1, 0 none, -1. */
int rows_first(struct corpus *c, const char *text, int64_t id, struct json **out,
               struct error *error);

/* Where the member is a text that is JSON (meta, metrics …), put the JSON in its place. */
void rows_expand(struct json *row, const char *key);

/*
 * A query of the user's own (one statement that changes nothing), row by row.  `unpack(body,
 * packed)` gives a stored body as text: SELECT unpack(body, packed) FROM reply.  fn: 0 go on, 1
 * stop, -1.  The object is fn's only during the call.
 */
int rows_query(struct corpus *c, const char *text,
               int (*fn)(void *context, const struct json *row, struct error *error), void *context,
               struct error *error);

/* Makes unpack() known to the connection (corpus_open does). */
int rows_add_unpack(struct sql *s, struct error *error);
/* The stored body as it came, appended; the buffer's maximum bounds it. */
int rows_unpack(struct slice body, bool packed, struct buf *out, struct error *error);

#endif
