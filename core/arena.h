/*
 * An arena: many small allocations, freed together.  Memory it hands out is aligned to 16 bytes,
 * not zeroed, and valid until arena_reset or arena_free.
 */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "core/slice.h"

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *blocks;
};

#define ARENA ((struct arena){NULL})

void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *text);
/* A copy of the bytes with a NUL behind them. */
struct slice arena_copy(struct arena *a, struct slice s);
void arena_reset(struct arena *a); /* everything handed out is gone; one block is kept */
void arena_free(struct arena *a);

#endif
