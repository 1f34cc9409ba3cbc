/*
 * Prompt templates: text with {{fields}}.  `prompts/NAME.txt` beside the recipe wins over the one
 * built in (schemas/embed/prompts/NAME.txt).
 */
#ifndef GEN_TEMPLATE_H
#define GEN_TEMPLATE_H

#include "core/buf.h"
#include "core/error.h"
#include "gen/strategy.h"

/* Append the text of the template; folder: where the recipe is. */
int template_read(const char *folder, const char *name, struct buf *out, struct error *error);
/* Append the text with each {{field}} replaced; values are not looked into.  A field that is not
 * given is an error; one that is not used is fine. */
int template_fill(struct slice text, const struct gen_field *fields, size_t n, struct buf *out,
                  struct error *error);

#endif
