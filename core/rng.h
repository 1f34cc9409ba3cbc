/*
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011).  A value depends only on
 * (seed, stream, index), never on who asked before: any thread count gives the same numbers.
 * Use one stream a purpose and an index an item.
 */
#ifndef CORE_RNG_H
#define CORE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* The block function: counter and key to four words (known-answer tests check it). */
void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A sequential view of one stream; plain data, may be stored and restored. */
struct rng {
    uint64_t seed, stream, index; /* index: numbers of 64 bits drawn so far */
};
struct rng rng_new(uint64_t seed, uint64_t stream);
uint64_t rng_u64(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n); /* uniform in [0, n), unbiased; n > 0 */
double rng_uniform(struct rng *r);             /* [0, 1), 53 bits */
double rng_normal(struct rng *r);              /* mean 0, variance 1 */
/* A permutation of 0..n-1 (Fisher-Yates). */
void rng_permutation(struct rng *r, uint32_t *out, size_t n);
/* Random access: the index-th 64-bit number of a stream. */
uint64_t rng_at(uint64_t seed, uint64_t stream, uint64_t index);

#endif
