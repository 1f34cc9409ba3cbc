/* The loops for AVX-512. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/kernels/kernels.h"

#include "core/processor.h"

static bool usable(void)
{
    return processor_has(PROCESSOR_AVX512);
}

#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#elif defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif

#define KERNELS       kernels_avx512
#define KERNELS_NAME  "avx512"
#define KERNELS_LANES 16
#define FEW_SIDE      4
#include "model/kernels/kernels_body.h"

#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute pop
#elif defined(__x86_64__)
#pragma GCC pop_options
#endif
