/*
 * What attention's forward and backward pass share: a block of queries of one head against the
 * keys of its segment.  Scores s [rows, width] are for keys [key, key + keys) of the segment; of
 * hidden ones only those are made, as zeros, that a product reads beside visible ones.
 */
#ifndef MODEL_CPU_ATTENTION_BLOCK_H
#define MODEL_CPU_ATTENTION_BLOCK_H

#include "model/cpu/cpu.h"
#include "model/cpu/strips.h"

enum { QUERIES = 84 }; /* of a block: whole strips of 14, 6 and 4 rows, the tables of floats */

struct block {
    const struct micro *micro;
    int64_t start, tokens; /* the segment, in the pass */
    int64_t row, rows;     /* queries, in the pass */
    int64_t key, keys;     /* keys, in the segment; `key` is the first one of a strip */
    int64_t width;         /* of a row of scores: whole strips of keys */
    int64_t at;            /* query i stands where key at + i does */
    int64_t head, kv, dim, window;
    bool causal;
};

/* Block `index` of a head of segment [from, to). */
struct block block_of(const struct attention *a, const struct micro *m, const int32_t *segment,
                      int64_t head, int64_t index);
int64_t block_count(int64_t tokens);
/* Floats of scores of the widest block. */
int64_t block_room(const struct attention *a, const struct micro *m);

/* Of the block's keys query i sees [first, end). */
struct range {
    int64_t first, end;
};
struct range block_visible(const struct block *b, int64_t i);
/* Queries that see one of keys [key, key + n), or none of both where end is not above first. */
struct range block_askers(const struct block *b, int64_t key, int64_t n);
/* Zeros beside what query i sees. */
void block_hide(const struct block *b, int64_t i, float *s);

/* The block's head in row `row` of a tensor, or a head of its keys. */
float *block_head(struct tensor t, int64_t row, int64_t head, int64_t dim);

/* The block's rows of a tensor, packed as a left operand [rows, dim]. */
void block_pack(const struct block *b, struct tensor x, float *room);
/* s = x y^T: x as packed, y [segment, dim] as strips of tokens. */
void block_scores(const struct block *b, const float *x, const struct strips *y, float *s);
/* y's rows = s x: x [segment, dim] as strips of dim.  room: a strip of scores. */
void block_weigh(const struct block *b, const float *s, const struct strips *x, struct tensor y,
                 float *room);

#endif
