/*
 * What a rule keeps of each row in the dataset between runs (table signature), so that a new batch
 * is compared with old rows without reading them again: a run of bytes a row, by sample, in
 * blocks.  `kind` names what it is: a family ("words", "embedding"), a blank, and everything that
 * decides the bytes.
 *
 * A block: rows x int64 id, rows x uint32 length, then the bytes of the rows.
 */
#ifndef FILTER_STASH_H
#define FILTER_STASH_H

#include "core/buf.h"
#include "core/error.h"
#include "corpus/corpus.h"

#include <stddef.h>
#include <stdint.h>

enum { STASH_ROWS = 4096, STASH_BYTES = 8 << 20, STASH_KIND = 128 };

typedef int stash_fn(void *context, int64_t id, struct slice data, struct error *error);
/* Every stored row, in blocks by the time of storing. */
int stash_each(struct corpus *c, const char *kind, stash_fn *fn, void *context,
               struct error *error);

/* Gathers rows and writes them block by block, each block in a transaction of its own: what was
 * computed once is kept even if the run is interrupted later. */
struct stash {
    struct corpus *corpus; /* NULL: nothing is written */
    char kind[STASH_KIND];
    struct buf ids, lengths, data;
    size_t n;
    int64_t first, last;
};

void stash_open(struct stash *s, struct corpus *c, const char *kind);
int stash_add(struct stash *s, int64_t id, const void *data, size_t len, struct error *error);
int stash_flush(struct stash *s, struct error *error); /* what is left */
void stash_close(struct stash *s);
/* Forget the blocks of this family but those of the kind. */
int stash_prune(struct corpus *c, const char *kind, struct error *error);

#endif
