/* The loops for AVX2 and FMA. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/kernels/kernels.h"

#include "core/processor.h"

static bool usable(void)
{
    return processor_has(PROCESSOR_AVX2);
}

#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define KERNELS       kernels_avx2
#define KERNELS_NAME  "avx2"
#define KERNELS_LANES 8
#define FEW_SIDE      3
#include "model/kernels/kernels_body.h"

#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute pop
#elif defined(__x86_64__)
#pragma GCC pop_options
#endif
