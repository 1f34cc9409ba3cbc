#include "filter/kernels/settle.h"

#include "core/processor.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static bool always(void)
{
    return true;
}

void settle_insertion(uint64_t *keys, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const uint64_t x = keys[i];
        size_t k = i;
        for (; k > 0 && keys[k - 1] > x; k--)
            keys[k] = keys[k - 1];
        keys[k] = x;
    }
}

#if defined(__x86_64__)

#define AVX512 __attribute__((target("avx512f,avx512bw")))

static bool has_avx512(void)
{
    return processor_has(PROCESSOR_AVX512);
}

/* Put the pairs from, from + 1; from + 2, from + 3 … in order; were any not? */
static inline AVX512 bool order_pairs(uint64_t *keys, size_t n, size_t from)
{
    uint32_t changed = 0;
    for (size_t i = from; i + 1 < n; i += 8) {
        const __mmask8 in = (__mmask8)((1U << (n - i < 8 ? n - i : 8)) - 1);
        const __m512i v = _mm512_mask_loadu_epi64(_mm512_set1_epi64(-1), in, keys + i);
        const __m512i other = _mm512_shuffle_epi32(v, _MM_PERM_BADC);
        const __m512i least = _mm512_min_epu64(v, other);
        const __m512i sorted = _mm512_mask_max_epu64(least, 0xAA, v, other);
        changed |= _mm512_cmpneq_epi64_mask(sorted, v);
        _mm512_mask_storeu_epi64(keys + i, in, sorted);
    }
    return changed != 0;
}

/* Neighbours change places until none has to: as many rounds as the farthest has to go, but none
 * that cannot be foretold. */
AVX512 static void settle_avx512(uint64_t *keys, size_t n)
{
    bool changed = true;
    while (changed) {
        changed = order_pairs(keys, n, 0);
        changed |= order_pairs(keys, n, 1);
    }
}

#endif

const struct settle_kernel settle_kernels[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, settle_avx512},
#endif
    {"reference", always, settle_insertion},
    {NULL, NULL, NULL},
};

const struct settle_kernel *settle_best(void)
{
    const struct settle_kernel *k = settle_kernels;
    while (!k->usable())
        k++;
    return k;
}
