/* BF16 products for AVX512_BF16: 14 x 32, two numbers along k a step. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "model/kernels/micro.h"

#include "core/processor.h"

static bool usable(void)
{
    return processor_has(PROCESSOR_AVX512_BF16);
}

#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute push(__attribute__((target(                                                \
                                 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512bf16"))),      \
                             apply_to = function)
#elif defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512bf16,prefer-vector-width=512")
#endif

typedef float sums_of_16 __attribute__((vector_size(64)));
typedef uint32_t pairs_of_16 __attribute__((vector_size(64)));

/* sum += low(word) low(vector) + high(word) high(vector), lane by lane. */
static inline __attribute__((always_inline)) void half_multiply_add(sums_of_16 *sum, uint32_t word,
                                                                    const pairs_of_16 *vector)
{
#if defined(__x86_64__)
    *sum = (sums_of_16)_mm512_dpbf16_ps((__m512)*sum, (__m512bh)_mm512_set1_epi32((int)word),
                                        (__m512bh)*vector);
#else
    (void)sum, (void)word, (void)vector;
#endif
}

#include "model/kernels/micro_bf16_pairs.h"

#define MICRO         micro_bf16_avx512
#define MICRO_NAME    "avx512"
#define MICRO_ROWS    14
#define MICRO_VECTORS 2
#define MICRO_DEPTH   768
#define MICRO_BLOCK   518
#define MICRO_HALF    1
#include "model/kernels/micro_body.h"

#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute pop
#elif defined(__x86_64__)
#pragma GCC pop_options
#endif
