/* Products for AVX2 and FMA: 6 x 16, 12 sums of 8 in the 16 registers. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/kernels/micro.h"

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

#define MICRO         micro_avx2
#define MICRO_NAME    "avx2"
#define MICRO_ROWS    6
#define MICRO_LANES   8
#define MICRO_VECTORS 2
#define MICRO_DEPTH   256
#define MICRO_BLOCK   192
#define MICRO_HALF    0
#include "model/kernels/micro_body.h"

#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute pop
#elif defined(__x86_64__)
#pragma GCC pop_options
#endif
