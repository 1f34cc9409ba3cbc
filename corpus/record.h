/*
 * One record of an imported file: takes its fields by name, and what nobody took becomes the
 * sample's meta, so that nothing a file says is lost.
 */
#ifndef CORPUS_RECORD_H
#define CORPUS_RECORD_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "corpus/exchange.h"
#include "corpus/samples.h"

#include <stddef.h>

enum { RECORD_MAX_TAKEN = 16 };

struct record {
    const struct json *json; /* an object */
    struct arena *arena;     /* for texts that are made here */
    struct import_names names;
    const struct json *taken[RECORD_MAX_TAKEN];
    size_t n_taken;
};

/* The field, and it is no longer meta; NULL where absent or null. */
const struct json *record_take(struct record *r, const char *key);
/* The first of the names (NULL-ended) that is there, as text: a string, or a number by its digits.
 * 1 found, 0 none, -1 not a text. */
int record_text(struct record *r, const char *const *names, struct slice *out, struct error *error);
/* As record_text under `own` if the user named one (then it must be there), else the usual. */
int record_named(struct record *r, const char *own, const char *const *usual, struct slice *out,
                 struct error *error);
/* id, source of the name; nothing where the record has none. */
int record_id(struct record *r, struct sample *s, struct error *error);
/* What was not taken, and what a field "meta" holds, as one JSON object. */
int record_meta(struct record *r, struct sample *s, struct error *error);
/* A copy of what the buffer holds; the buffer is freed. */
struct slice record_keep(struct record *r, struct buf *b);

/* ---- writing ---- */

/* {"id":…  : opens the object; the id only where the row was given one. */
void record_open(const struct sample *s, struct buf *out);
/* ,"key": */
void record_put_key(struct buf *out, const char *key);
/* ,"key":"text" ; nothing for the absent slice. */
void record_put(struct buf *out, const char *key, struct slice text);
/* ,"key":value for a text that is JSON already (checked: else it is written as a string). */
void record_put_json(struct buf *out, const char *key, struct slice json);
/* The id as JSON: as given, else the row's number. */
void record_put_id(const struct sample *s, struct buf *out);
void record_close(struct buf *out);

#endif
