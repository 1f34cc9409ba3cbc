#include "core/processor.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* What RETORT_KERNELS may name, from the smallest on. */
static const char *const names[] = {"generic", "avx2", "avx512", "amx"};
enum { GENERIC, AVX2, AVX512, AMX, NAMES };

static int level_of(enum processor_set set)
{
    switch (set) {
    case PROCESSOR_AVX2: return AVX2;
    case PROCESSOR_AVX512:
    case PROCESSOR_AVX512_VBMI2:
    case PROCESSOR_AVX512_VNNI:
    case PROCESSOR_AVX512_BF16: return AVX512;
    case PROCESSOR_AMX_BF16: break;
    }
    return AMX;
}

bool processor_allows(enum processor_set set)
{
    const char *wanted = getenv("RETORT_KERNELS");
    for (int i = 0; wanted != NULL && i < NAMES; i++)
        if (strcmp(wanted, names[i]) == 0)
            return level_of(set) <= i;
    return true;
}

#if defined(__x86_64__)
static bool amx_bf16(void)
{
    enum { AMX_BF16 = 1u << 22, AMX_TILE = 1u << 24 };
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 &&
           (d & (AMX_BF16 | AMX_TILE)) == (AMX_BF16 | AMX_TILE);
}

static bool present(enum processor_set set)
{
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    switch (set) {
    case PROCESSOR_AVX2: return avx2;
    case PROCESSOR_AVX512: return avx512;
    case PROCESSOR_AVX512_VBMI2:
        return avx512 && __builtin_cpu_supports("avx512vbmi") &&
               __builtin_cpu_supports("avx512vbmi2");
    case PROCESSOR_AVX512_VNNI: return avx512 && __builtin_cpu_supports("avx512vnni");
    case PROCESSOR_AVX512_BF16: return avx512 && __builtin_cpu_supports("avx512bf16");
    case PROCESSOR_AMX_BF16: break;
    }
    return amx_bf16();
}
#else
static bool present(enum processor_set set)
{
    (void)set;
    return false;
}
#endif

bool processor_has(enum processor_set set)
{
    return processor_allows(set) && present(set);
}
