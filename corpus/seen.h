/*
 * What an import finds in the dataset already: rows without an id, told by what they say.  A row
 * that a file holds three times is three rows; the same file again adds none of them.
 */
#ifndef CORPUS_SEEN_H
#define CORPUS_SEEN_H

#include "core/error.h"
#include "core/hash.h"
#include "corpus/corpus.h"

#include <stdbool.h>

/* Gather them in a temporary table of this connection (on disk: memory stays flat). */
int seen_gather(struct corpus *c, bool *any, struct error *error);
/* One of this hash: 1 there was one more (and it is used up), 0 none left, -1. */
int seen_take(struct corpus *c, struct hash128 hash, struct error *error);
void seen_drop(struct corpus *c);

#endif
