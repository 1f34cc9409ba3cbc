#include "filter/minhash.h"

#include <math.h>

void minhash_sign(const struct minhash_kernel *kernel, const uint64_t *shingles, size_t n,
                  struct minhash_signature *out)
{
    uint32_t min[MINHASH_PLACES];
    (kernel != NULL ? kernel : minhash_best())->run(shingles, n, min);
    for (int i = 0; i < MINHASH_PLACES; i++)
        out->place[i] = (uint16_t)min[i];
}

uint64_t minhash_band(const struct minhash_signature *s, int band)
{
    const uint16_t *p = s->place + band * MINHASH_ROWS;
    return (uint64_t)p[0] << 48 | (uint64_t)p[1] << 32 | (uint64_t)p[2] << 16 | p[3];
}

int minhash_agree(const struct minhash_signature *a, const struct minhash_signature *b)
{
    uint16_t same = 0;
    for (int i = 0; i < MINHASH_PLACES; i++)
        same = (uint16_t)(same + (a->place[i] == b->place[i]));
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
