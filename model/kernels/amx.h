/*
 * AMX, the tile registers of Intel's processors since Sapphire Rapids: are they there, may this
 * process use them, and do they multiply?  Asked once, when the first product in BF16 runs:
 *
 *     processor     CPUID leaf 7: AMX-TILE, AMX-BF16, and the AVX-512 that packs for them
 *     system        XCR0: tiles are saved when threads change; Linux >= 5.16 gives permission when
 *                   asked (arch_prctl ARCH_REQ_XCOMP_PERM), for all threads of the process
 *     itself        a small product, computed with and without them (amx_check)
 *
 * Whatever is missing leaves AMX out, and amx_state says why.  RETORT_KERNELS=avx512 leaves it out
 * without asking.
 */
#ifndef MODEL_AMX_H
#define MODEL_AMX_H

#include "model/kernels/micro.h"

#include <stdbool.h>

/* Was it compiled?  gcc 11's and clang 11's assemblers know the instructions. */
#if defined(__x86_64__) && defined(__linux__) &&                                                   \
    ((defined(__clang__) && __clang_major__ >= 11) || (!defined(__clang__) && __GNUC__ >= 11))
#define AMX_BUILT 1
#else
#define AMX_BUILT 0
#endif

bool amx_usable(void);

/* "in use", or what is missing: "not in this processor", "not asked for". */
const char *amx_state(void);

/* NULL when the table, of 32 x 32 tiles, multiplies some small matrices as plain loops do, else what
 * went wrong: "left out: its products are wrong", or "its instructions are refused" (a fault is
 * caught). */
const char *amx_check(const struct micro *m);

#endif
