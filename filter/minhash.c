#include "filter/minhash.h"

#include <math.h>

/* Eight bits that depend on all of the minimum: its low bits alone would follow the low bits of
 * the shingle in every place. */
static inline uint8_t mix(uint32_t v)
{
    v = (v ^ v >> 15) * 0x2C1B3C6DU;
    return (uint8_t)(v >> 24);
}

void minhash_sign(const struct minhash_kernel *kernel, const uint64_t *shingles, size_t n,
                  struct minhash_signature *out)
{
    uint32_t min[MINHASH_PLACES];
    (kernel != NULL ? kernel : minhash_best())->run(shingles, n, min);
    for (int i = 0; i < MINHASH_PLACES; i++)
        out->place[i] = mix(min[i]);
}

uint32_t minhash_band(const struct minhash_signature *s, int band)
{
    const uint8_t *p = s->place + band * MINHASH_ROWS;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int minhash_agree(const struct minhash_signature *a, const struct minhash_signature *b)
{
    int same = 0;
    for (int i = 0; i < MINHASH_PLACES; i++)
        same += a->place[i] == b->place[i];
    return same;
}

double minhash_recall(double j)
{
    return 1 - pow(1 - pow(j, MINHASH_ROWS), MINHASH_BANDS);
}

const struct minhash_kernel *minhash_best(void)
{
    const struct minhash_kernel *k = minhash_kernels;
    while (!k->usable())
        k++;
    return k;
}
