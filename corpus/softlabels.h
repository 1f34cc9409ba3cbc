/*
 * Soft labels: for each token of a reply its bytes (or id), its logprob, and the most likely
 * alternatives with theirs.  Packed:
 *
 *     'S' version=1
 *     varint tokens in the dictionary; each: varint id + 1 (0: none), varint length, bytes
 *     varint positions; each: varint token, f32 logprob, varint k, k times (varint token, f32)
 *
 * and the whole as a zstd frame.  A logprob is a little-endian float; NAN says that the server gave
 * its "not computed" sentinel.  What is missing of the probability, the tail mass, follows:
 * softlabels_tail.
 */
#ifndef CORPUS_SOFTLABELS_H
#define CORPUS_SOFTLABELS_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/compress.h"
#include "core/error.h"
#include "core/slice.h"
#include "corpus/corpus.h"

#include <stddef.h>
#include <stdint.h>

struct soft_token {
    struct slice bytes; /* may be no UTF-8 by themselves */
    int32_t id;         /* -1: not known */
    float logprob;      /* NAN: not computed */
};
struct soft_position {
    struct soft_token sampled;
    uint32_t first, count; /* of softlabels.top: the alternatives, in the server's order */
};
struct softlabels {
    struct soft_position *positions;
    size_t n;
    struct soft_token *top;
    size_t n_top;
};

int softlabels_pack(const struct softlabels *l, struct buf *out);
/* Memory comes from the arena.  -1 with ERROR_INPUT where the data is damaged. */
int softlabels_unpack(struct slice data, struct arena *arena, struct softlabels *out,
                      struct error *error);
/* 1 - the sum of the distinct probabilities of a position, at least 0. */
double softlabels_tail(const struct softlabels *l, size_t position);

/* The labels of one reply of a request. */
struct softlabels_row {
    int64_t request, choice;
    size_t tokens;
    struct slice data; /* as softlabels_pack wrote it */
};
int softlabels_put(struct corpus *c, struct compressor *z, const struct softlabels_row *row,
                   struct error *error);
/* 1 found, 0 there are none, -1. */
int softlabels_get(struct corpus *c, int64_t request, int64_t choice, struct arena *arena,
                   struct softlabels *out, struct error *error);

#endif
