/*
 * A recipe: JSON with comments, checked against schemas/recipe.schema.json, overridden by
 * --set key.path=value, with every default filled in.  All violations are reported at once as
 * "recipe.jsonc:12:5: train.rank: expected integer >= 1, got \"eight\"".
 *
 * Rooms read their own block with the getters; since the schema gives every field a default,
 * a getter never fails (a field that is not in the schema is a bug and aborts).
 */
#ifndef CORE_RECIPE_H
#define CORE_RECIPE_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"

#include <stdbool.h>
#include <stdint.h>

struct recipe;

/* path NULL: only the defaults and the overrides.  sets: NULL or n texts "a.b=value", where value
 * is JSON if it parses as JSON and a string otherwise.  On failure the error holds the first
 * violation and the number of others; `report` (may be NULL) gets one line for each, in order of place. */
struct recipe *recipe_load(const char *path, const char *const *sets, size_t n_sets,
                           struct buf *report, struct error *error);
/* As recipe_load, of a text; `name` stands for the file in messages and must hold a folder if
 * files are to be found beside it. */
struct recipe *recipe_parse(struct slice text, const char *name, const char *const *sets,
                            size_t n_sets, struct buf *report, struct error *error);
void recipe_free(struct recipe *r);

const struct json *recipe_get(const struct recipe *r,
                              const char *path); /* NULL: JSON null or unset optional */
const char *recipe_text(const struct recipe *r, const char *path); /* NULL where null */
int64_t recipe_integer(const struct recipe *r, const char *path);
double recipe_number(const struct recipe *r, const char *path);
bool recipe_bool(const struct recipe *r, const char *path);
/* A file name of the recipe, relative to the recipe's folder: allocated (mem_free), NULL where
 * null. */
char *recipe_path(const struct recipe *r, const char *path);
const char *recipe_file(const struct recipe *r);   /* as given; "(defaults)" without one */
const char *recipe_sha256(const struct recipe *r); /* of the effective canonical JSON */
/* The effective recipe, pretty-printed: what is stored with each run (it holds no key). */
int recipe_write(const struct recipe *r, struct buf *out);

#endif
