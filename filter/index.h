/*
 * The index of a corpus of rows: what duplicate detection keeps of each, in order of appending.
 *
 * An entry is 128 bytes: identities of the normalised texts, what the order of preference needs,
 * and a sketch of the signature (four bits a place) to drop hopeless candidates.  The signatures
 * themselves (128 bytes a row) are kept by columns of bands in blocks of 4096 rows; past the
 * memory limit they go to an unlinked temporary file and are read back a band at a time; entries
 * past the limit lie in a mapped file of that kind.
 */
#ifndef FILTER_INDEX_H
#define FILTER_INDEX_H

#include "core/error.h"
#include "core/hash.h"
#include "filter/minhash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INDEX_BLOCK = 4096, INDEX_SKETCH = MINHASH_PLACES / 16 };

enum index_flags {
    INDEX_OLD = 1,      /* judged and kept by an earlier run: goes before new rows */
    INDEX_FOREIGN = 2,  /* of another dataset: only ever a keeper */
    INDEX_GONE = 4,     /* of an earlier run and removed: takes no part */
    INDEX_REMOVED = 8,  /* a rule removes it: keeps no other row alive */
    INDEX_HUMAN = 16,   /* a person said keep */
    INDEX_BARE = 32,    /* nothing to compare: no signature */
    INDEX_DROPPED = 64, /* a person said drop */
};

struct index_entry {
    int64_t id;
    struct hash128 exact; /* of the normalised prompt and output */
    uint64_t prompt;      /* of the normalised prompt, system and turns included */
    uint64_t content;     /* of the bytes as stored: an order that does not depend on ids */
    uint64_t skeleton;    /* of the normalised text with its digits masked */
    uint64_t sketch[INDEX_SKETCH];
    uint32_t length; /* characters of the output */
    uint32_t flags;
    uint32_t language; /* the bytes of its code, "en"; 0: not told */
    float score;       /* first of the order of preference; 0 where none is asked for */
};

/* Does no rule remove the row?  A person's "keep" outranks them. */
static inline bool index_lives(const struct index_entry *e)
{
    return (e->flags & INDEX_HUMAN) || !(e->flags & (INDEX_REMOVED | INDEX_DROPPED | INDEX_GONE));
}

/* Is nothing to be said about the row any more? */
static inline bool index_settled(const struct index_entry *e)
{
    return (e->flags & (INDEX_OLD | INDEX_FOREIGN | INDEX_GONE)) != 0;
}

struct index {
    struct index_entry *entries;
    size_t n, cap;
    /* private */
    uint32_t **blocks; /* each bands x INDEX_BLOCK, NULL once spilled */
    size_t n_blocks, cap_blocks, memory_limit;
    int spill, file; /* files of signatures and of entries, -1 none */
};

void index_init(struct index *x, size_t memory_limit);
void index_free(struct index *x);
/* About so many rows there will be: their entries are given one place, and need not be moved. */
int index_expect(struct index *x, size_t rows, const char *spill_dir, struct error *error);
/* Room for `more` rows at the end, to be set before anything is asked of them. */
int index_grow(struct index *x, size_t more, const char *spill_dir, struct error *error);
/* Set a row of the room made last; each may be set by another thread.  The sketch is filled here.
 * signature NULL: INDEX_BARE. */
void index_set(struct index *x, size_t row, const struct index_entry *entry,
               const struct minhash_signature *signature);
/* Both for one row. */
int index_append(struct index *x, const struct index_entry *entry,
                 const struct minhash_signature *signature, const char *spill_dir,
                 struct error *error);
/* The keys of one band for all rows: keys[n]. */
int index_band(const struct index *x, int band, uint32_t *keys, struct error *error);
/* The keys of one band for the rows from, from + 1 …: keys[n]. */
int index_keys(const struct index *x, int band, size_t from, size_t n, uint32_t *keys,
               struct error *error);
/* The keys of one band for the rows of a block (INDEX_BLOCK of them, fewer in the last): in place, or
 * read back into `own`.  NULL where that failed. */
const uint32_t *index_column(const struct index *x, int band, size_t block,
                             uint32_t own[INDEX_BLOCK], struct error *error);
/* The key of one row. */
int index_key(const struct index *x, size_t row, int band, uint32_t *key, struct error *error);
/* How many of the 128 sketched places agree; chance makes (128 - same) / 16 too many. */
int index_agree(const struct index_entry *a, const struct index_entry *b);

#endif
