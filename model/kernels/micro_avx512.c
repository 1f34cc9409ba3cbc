/* Products for AVX-512: 14 x 32, 28 sums of 16 in the 32 registers. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/kernels/micro.h"

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

#define MICRO         micro_avx512
#define MICRO_NAME    "avx512"
#define MICRO_ROWS    14
#define MICRO_VECTORS 2
#define MICRO_DEPTH   640
#define MICRO_BLOCK   518
#define MICRO_HALF    0
#include "model/kernels/micro_body.h"

#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute pop
#elif defined(__x86_64__)
#pragma GCC pop_options
#endif
