/*
 * 16 numbers rounded to 8 pairs by AVX512_BF16's instruction: to nearest even, denormals to zero, as
 * which its products take them anyway.  A part of the tables for it, which are compiled for it.
 */
#if defined(__x86_64__)
#include <immintrin.h>

typedef uint32_t eight_words __attribute__((vector_size(32)));

static inline __attribute__((always_inline)) eight_words pairs_of(eight_words low, eight_words high)
{
    return (eight_words)_mm256_cvtne2ps_pbh((__m256)high, (__m256)low);
}

#define MICRO_PAIRS(low, high) pairs_of(low, high)
#endif
