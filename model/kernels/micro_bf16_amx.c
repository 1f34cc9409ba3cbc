/*
 * BF16 products in AMX tiles: 32 x 32, 32 numbers along k a step.
 *
 * The instructions stand here as assembly and not as the compilers' intrinsics, because those of gcc
 * do not say that they read memory: stores that they depend on may be moved behind them.  For the
 * same reason every one of them that touches memory is a barrier to the compiler.
 */
#include "core/processor.h"
#include "model/kernels/amx.h"
#include "model/kernels/micro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static bool usable(void)
{
    return processor_allows(PROCESSOR_AMX_BF16) && amx_usable();
}

#if AMX_BUILT && defined(__clang__)
#pragma clang attribute push(__attribute__((target(                                                \
                                 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512bf16"))),      \
                             apply_to = function)
#elif AMX_BUILT
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512bf16,prefer-vector-width=512")
#endif

#if AMX_BUILT
#define TILE_CONFIG(config) __asm__ volatile("ldtilecfg %0" : : "m"(*(config)) : "memory")
#define TILE_RELEASE()      __asm__ volatile("tilerelease" : : : "memory")
#define TILE_ZERO(tile)     __asm__ volatile("tilezero %%tmm" #tile ::)
#define TILE_LOAD(tile, from, stride)                                                              \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile                                            \
                     :                                                                             \
                     : "r"(from), "r"((int64_t)(stride))                                           \
                     : "memory")
#define TILE_STORE(tile, to, stride)                                                               \
    __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)"                                        \
                     :                                                                             \
                     : "r"(to), "r"((int64_t)(stride))                                             \
                     : "memory")
/* sums += a b; the assembler wants them in the other order. */
#define TILE_DOT(sums, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #sums ::)
#else /* never run: amx_usable says no */
#define TILE_CONFIG(config)           ((void)(config))
#define TILE_RELEASE()                ((void)0)
#define TILE_ZERO(tile)               ((void)0)
#define TILE_LOAD(tile, from, stride) ((void)(from))
#define TILE_STORE(tile, to, stride)  memset(to, 0, stride)
#define TILE_DOT(sums, a, b)          ((void)0)
#endif

#if AMX_BUILT
#include "model/kernels/micro_bf16_pairs.h"
#endif

#define MICRO micro_bf16_amx
#include "model/kernels/micro_amx_body.h"

#if AMX_BUILT && defined(__clang__)
#pragma clang attribute pop
#elif AMX_BUILT
#pragma GCC pop_options
#endif
