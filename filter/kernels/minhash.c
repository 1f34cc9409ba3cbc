/*
 * The minima of 128 affine permutations.  The coefficients come from SplitMix64 with a fixed
 * seed, so that signatures stored by one build are valid for another; test_minhash pins them.
 */
#include "filter/minhash.h"

#include "core/processor.h"

#include <pthread.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static uint32_t coef_a[MINHASH_PLACES] __attribute__((aligned(64)));
static uint32_t coef_b[MINHASH_PLACES] __attribute__((aligned(64)));
static pthread_once_t made = PTHREAD_ONCE_INIT;

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static void make(void)
{
    uint64_t state = 1;
    for (int i = 0; i < MINHASH_PLACES; i++) {
        coef_a[i] = (uint32_t)splitmix(&state) | 1;
        coef_b[i] = (uint32_t)splitmix(&state);
    }
}

static bool always(void)
{
    return true;
}

static void minhash_reference(const uint64_t *shingles, size_t n, uint32_t min[MINHASH_PLACES])
{
    pthread_once(&made, make);
    for (int i = 0; i < MINHASH_PLACES; i++)
        min[i] = UINT32_MAX;
    for (size_t k = 0; k < n; k++) {
        const uint32_t x = (uint32_t)(shingles[k] >> 32);
        for (int i = 0; i < MINHASH_PLACES; i++) {
            const uint32_t v = coef_a[i] * x + coef_b[i];
            min[i] = v < min[i] ? v : min[i];
        }
    }
}

#if defined(__x86_64__)

static bool has_avx2(void)
{
    return processor_has(PROCESSOR_AVX2);
}

static bool has_avx512(void)
{
    return processor_has(PROCESSOR_AVX512);
}

/* 32 permutations at a time: 4 registers each of a, b and minima fit the 16 there are. */
__attribute__((target("avx2"))) static void minhash_avx2(const uint64_t *shingles, size_t n,
                                                         uint32_t min[MINHASH_PLACES])
{
    pthread_once(&made, make);
    for (int g = 0; g < MINHASH_PLACES; g += 32) {
        const __m256i *pa = (const __m256i *)(const void *)(coef_a + g);
        const __m256i *pb = (const __m256i *)(const void *)(coef_b + g);
        const __m256i a0 = pa[0], a1 = pa[1], a2 = pa[2], a3 = pa[3];
        const __m256i b0 = pb[0], b1 = pb[1], b2 = pb[2], b3 = pb[3];
        __m256i m0 = _mm256_set1_epi32(-1), m1 = m0, m2 = m0, m3 = m0;
        for (size_t k = 0; k < n; k++) {
            const __m256i x = _mm256_set1_epi32((int)(shingles[k] >> 32));
            m0 = _mm256_min_epu32(m0, _mm256_add_epi32(_mm256_mullo_epi32(x, a0), b0));
            m1 = _mm256_min_epu32(m1, _mm256_add_epi32(_mm256_mullo_epi32(x, a1), b1));
            m2 = _mm256_min_epu32(m2, _mm256_add_epi32(_mm256_mullo_epi32(x, a2), b2));
            m3 = _mm256_min_epu32(m3, _mm256_add_epi32(_mm256_mullo_epi32(x, a3), b3));
        }
        __m256i *out = (__m256i *)(void *)(min + g);
        _mm256_storeu_si256(out, m0);
        _mm256_storeu_si256(out + 1, m1);
        _mm256_storeu_si256(out + 2, m2);
        _mm256_storeu_si256(out + 3, m3);
    }
}

/* All 128 at once: 8 registers each of a, b and minima out of 32. */
__attribute__((target("avx512f"))) static void minhash_avx512(const uint64_t *shingles, size_t n,
                                                              uint32_t min[MINHASH_PLACES])
{
    __m512i a[8], b[8], m[8];
    pthread_once(&made, make);
    for (int i = 0; i < 8; i++) {
        a[i] = _mm512_load_si512(coef_a + 16 * i);
        b[i] = _mm512_load_si512(coef_b + 16 * i);
        m[i] = _mm512_set1_epi32(-1);
    }
    for (size_t k = 0; k < n; k++) {
        const __m512i x = _mm512_set1_epi32((int)(shingles[k] >> 32));
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            m[i] = _mm512_min_epu32(m[i], _mm512_add_epi32(_mm512_mullo_epi32(x, a[i]), b[i]));
    }
    for (int i = 0; i < 8; i++)
        _mm512_storeu_si512(min + 16 * i, m[i]);
}

#endif

const struct minhash_kernel minhash_kernels[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, minhash_avx512},
    {"avx2", has_avx2, minhash_avx2},
#endif
    {"reference", always, minhash_reference},
    {NULL, NULL, NULL},
};
