#include "core/processor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* What RETORT_KERNELS may name, from the smallest on. */
static const char *const names[] = {"generic", "avx2", "avx512", "amx"};
enum { GENERIC, AVX2, AVX512, AMX };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int highest;

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

static void allow(const char *name)
{
    int i = 0;
    while (name != NULL && i < AMX && strcmp(name, names[i]) != 0)
        i++;
    atomic_store(&highest, name != NULL ? i : AMX);
}

static void read_environment(void)
{
    allow(getenv("RETORT_KERNELS"));
}

void processor_limit(const char *name)
{
    (void)pthread_once(&once, read_environment);
    allow(name);
}

bool processor_allows(enum processor_set set)
{
    (void)pthread_once(&once, read_environment);
    return level_of(set) <= atomic_load_explicit(&highest, memory_order_relaxed);
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
