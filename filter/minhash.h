/*
 * MinHash: 128 permutations h(x) = a*x + b mod 2^32 (a odd) of the upper half of each shingle
 * hash.  The signature keeps eight bits of each minimum, mixed: different minima agree in a place
 * once in 256, whatever the others do, so two texts agree there with probability j + (1-j)/256.
 *
 * Banding: 32 bands of 4 places.  Two texts meet in a band with P(j) = 1 - (1 - j^4)^32:
 * .9998 at j = .7, .99 at .61, .57 at .4, .05 at .2; strangers meet once in four thousand million
 * per band.  Every candidate is verified exactly.
 */
#ifndef FILTER_MINHASH_H
#define FILTER_MINHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MINHASH_PLACES = 128, MINHASH_BANDS = 32, MINHASH_ROWS = 4, MINHASH_VERSION = 2 };

struct minhash_signature {
    uint8_t place[MINHASH_PLACES];
};

typedef void minhash_fn(const uint64_t *shingles, size_t n, uint32_t min[MINHASH_PLACES]);

struct minhash_kernel {
    const char *name;
    bool (*usable)(void);
    minhash_fn *run;
};

extern const struct minhash_kernel minhash_kernels[]; /* fastest first, reference last */
const struct minhash_kernel *minhash_best(void);

/* n > 0.  kernel NULL: the best. */
void minhash_sign(const struct minhash_kernel *kernel, const uint64_t *shingles, size_t n,
                  struct minhash_signature *out);
uint32_t minhash_band(const struct minhash_signature *s, int band);
/* How many of the 128 places agree. */
int minhash_agree(const struct minhash_signature *a, const struct minhash_signature *b);
/* P(two texts of Jaccard j meet in a band). */
double minhash_recall(double j);

#endif
