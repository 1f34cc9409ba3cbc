/*
 * The instruction sets for which kernels are written, and whether they may run: asked when a table
 * of kernels is chosen, so that one program serves every x86-64.  (Elsewhere there are none.)
 *
 * RETORT_KERNELS=NAME in the environment asks for nothing above NAME, to compare, or to try what a
 * smaller machine does: generic, avx2, avx512 or amx.
 */
#ifndef CORE_PROCESSOR_H
#define CORE_PROCESSOR_H

#include <stdbool.h>

enum processor_set {
    PROCESSOR_AVX2,         /* and FMA, BMI1, BMI2, which the same processors have */
    PROCESSOR_AVX512,       /* F, BW, DQ and VL: servers since 2017 */
    PROCESSOR_AVX512_VBMI2, /* and VBMI */
    PROCESSOR_AVX512_VNNI,
    PROCESSOR_AVX512_BF16,
    PROCESSOR_AMX_BF16 /* whether a process may use its tiles is another question */
};

/* Is it there, saved by the system, and not forbidden? */
bool processor_has(enum processor_set set);

/* Does RETORT_KERNELS allow it? */
bool processor_allows(enum processor_set set);

/* As if RETORT_KERNELS were `name` from now on, NULL: as if it were not set.  For tests. */
void processor_limit(const char *name);

#endif
