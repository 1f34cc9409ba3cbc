#include "core/rng.h"

#include <math.h>

enum { ROUNDS = 10 };

void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0;
        uint64_t b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* One block gives two 64-bit numbers: index/2 picks the block, index%2 the half. */
uint64_t rng_at(uint64_t seed, uint64_t stream, uint64_t index)
{
    const uint64_t block = index / 2;
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream,
                                 (uint32_t)(stream >> 32)};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t out[4];
    const unsigned half = (unsigned)(index % 2) * 2;
    philox4x32(counter, key, out);
    return (uint64_t)out[half + 1] << 32 | out[half];
}

struct rng rng_new(uint64_t seed, uint64_t stream)
{
    return (struct rng){seed, stream, 0};
}

uint64_t rng_u64(struct rng *r)
{
    return rng_at(r->seed, r->stream, r->index++);
}

/* Lemire's multiply-and-reject. */
uint32_t rng_below(struct rng *r, uint32_t n)
{
    const uint32_t floor = (uint32_t)-n % n;
    uint64_t product;
    do {
        product = (rng_u64(r) >> 32) * n;
    } while ((uint32_t)product < floor);
    return (uint32_t)(product >> 32);
}

double rng_uniform(struct rng *r)
{
    return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

/* Box-Muller; one of the pair is thrown away, so that a draw never depends on the one before. */
double rng_normal(struct rng *r)
{
    const double u = 1.0 - rng_uniform(r); /* (0, 1] */
    const double v = rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}

void rng_permutation(struct rng *r, uint32_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        const uint32_t j = rng_below(r, (uint32_t)i);
        const uint32_t swapped = out[i - 1];
        out[i - 1] = out[j];
        out[j] = swapped;
    }
}
