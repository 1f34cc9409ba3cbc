/*
 * Rows of candidate pairs in blocks, read and made ready for comparison.  Few blocks are in memory
 * at a time; while one is made ready the next is read.
 */
#ifndef FILTER_BLOCKS_H
#define FILTER_BLOCKS_H

#include "core/error.h"
#include "core/pool.h"
#include "filter/similar.h"
#include "filter/source.h"

#include <stdbool.h>

enum { BLOCKS_ROWS = 8192, BLOCKS_BYTES = 8 << 20 };

struct block_entry {
    struct similar_row row;
    struct similar_text text;
    bool tokens; /* blocks_tokens has been asked for them */
};

/* Which rows of a block: places[n] in the order of visiting, of those in [first, first + rows). */
struct block_want {
    size_t key; /* of the wish, not 0: equal keys, equal rows */
    uint32_t *places;
    size_t n, first, rows;
};

struct block {
    struct block_entry *entries; /* of place `first` + i; only those wanted are set */
    size_t first;
    /* private */
    size_t key, n;
    uint32_t *places; /* [n] */
    struct source_reader reader;
    struct similar_scratch *scratch; /* one a worker */
    int workers;
    int rc;
    struct error error;
};

struct blocks_of {
    const struct source *source;
    const struct index *x;
    const uint32_t *rows; /* of the index, by place */
    enum similar_fields fields;
    struct pool *pool;
};

struct blocks {
    struct blocks_of of;
    struct block ahead; /* the next one, as read */
};

void blocks_open(struct blocks *b, const struct blocks_of *of);
void blocks_close(struct blocks *b);
void block_open(struct block *to, const struct blocks *b);
void block_close(struct block *to);
/* Fill `to`, with the shingles of its rows, and meanwhile read what will be wanted next (NULL:
 * nothing). */
int blocks_load(struct blocks *b, struct block *to, const struct block_want *want,
                const struct block_want *next, struct error *error);
/* The tokens of those entries of the block, each once. */
void blocks_tokens(struct blocks *b, struct block *of, struct block_entry **entries, size_t n);

#endif
