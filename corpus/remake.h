/*
 * Rows made again: by a changed parser from the same reply (reparse), or by asking again with more
 * room (redo).  Rows are changed or outruled, never deleted.
 */
#ifndef CORPUS_REMAKE_H
#define CORPUS_REMAKE_H

#include "core/error.h"
#include "corpus/ledger.h"
#include "corpus/samples.h"

#include <stddef.h>
#include <stdint.h>

/* Bring the row of this request and choice to what *s says, or add it.  1 added, 2 changed, 0 it was
 * so already, -1. */
int remake_row(struct corpus *c, struct sample *s, struct error *error);
/* Rows of the request whose choice is none of `choices` get a verdict "reparsed": remove.  How many,
 * or -1. */
int remake_outrule(struct corpus *c, int64_t request, const int64_t *choices, size_t n,
                   struct error *error);

/* The rows of `request` give up their names (".cut." and the request behind them) and get a verdict "redone": remove.
 * To be called before the new rows are added. */
int remake_supersede(struct corpus *c, int64_t request, struct error *error);

#endif
