/*
 * The cache of a local teacher's values: computed once, mapped by every later run.
 *
 *     identity   JSON: version, teacher, rows, how      what the values belong to
 *     rows       I32 [examples + 1]                     first row of each example
 *     top:       first I32 [rows + 1], ids I32, logprobs F32      the k most likely tokens of each row
 *     full:      logits F32 [rows, common]
 *     hidden     F32 [tokens, layers * width]           on request, of every token of every example
 *
 * One safetensors file, replaced atomically when it is whole.  A cache of another teacher, of other
 * rows or of other settings is refused, never used and never overwritten.
 */
#ifndef TRAIN_DISTILL_CACHE_H
#define TRAIN_DISTILL_CACHE_H

#include "core/error.h"
#include "core/hash.h"
#include "model/safetensors.h"
#include "train/distill/labels.h"
#include "train/distill/teacher.h"

#include <stddef.h>
#include <stdint.h>

struct cache;

struct cache_want {
    struct hash128 teacher, rows;
    int32_t top_k; /* 0: full */
    double temperature;
    int64_t common;
    const int32_t *layers; /* of the teacher whose hidden states are wanted */
    size_t n_layers;
    int32_t width; /* of one of them */
    const struct examples *examples;
};

/* 1 opened, 0 there is none, -1 it cannot be used. */
int cache_open(struct cache **c, const char *path, const struct cache_want *want,
               struct error *error);
/* The same of a file that is open already; it is taken, whatever is returned. */
int cache_take(struct cache **c, struct safetensors *file, const char *path,
               const struct cache_want *want, struct error *error);
/* Compute and write.  A signal that asks to stop is ERROR_INTERRUPTED; nothing is left behind. */
int cache_build(const char *path, const struct cache_want *want, struct teacher *t,
                struct error *error);
void cache_close(struct cache *c);

/* Views of the mapping. */
struct labels cache_labels(const struct cache *c); /* top */
const float *cache_logits(const struct cache *c, uint32_t example,
                          uint32_t row); /* full: [common] */
/* [layers * width] of a token of an example. */
const float *cache_hidden(const struct cache *c, uint32_t example, uint32_t token);
/* Bytes the cache will take. */
int64_t cache_bytes(const struct cache_want *want);

#endif
