#include "filter/kernels/mask.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static bool always(void)
{
    return true;
}

/* The reference: a table lookup a byte. */
static void mask_reference(const unsigned char *p, size_t n, uint64_t *word, uint64_t *high)
{
    for (size_t at = 0; at < n; at += 64) {
        uint64_t w = 0, h = 0;
        for (size_t i = 0; i < 64 && at + i < n; i++) {
            const unsigned char c = p[at + i];
            const bool in =
                (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
            w |= (uint64_t)in << i;
            h |= (uint64_t)(c >> 7) << i;
        }
        *word++ = w;
        *high++ = h;
    }
}

#if defined(__x86_64__)

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512bw");
}

__attribute__((target("avx2"))) static uint32_t word_bits32(__m256i c)
{
    const __m256i low = _mm256_or_si256(c, _mm256_set1_epi8(0x20));
    const __m256i alpha = _mm256_and_si256(_mm256_cmpgt_epi8(low, _mm256_set1_epi8('a' - 1)),
                                           _mm256_cmpgt_epi8(_mm256_set1_epi8('z' + 1), low));
    const __m256i digit = _mm256_and_si256(_mm256_cmpgt_epi8(c, _mm256_set1_epi8('0' - 1)),
                                           _mm256_cmpgt_epi8(_mm256_set1_epi8('9' + 1), c));
    const __m256i under = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('_'));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(alpha, _mm256_or_si256(digit, under)));
}

__attribute__((target("avx2"))) static void mask_avx2(const unsigned char *p, size_t n,
                                                      uint64_t *word, uint64_t *high)
{
    unsigned char tail[64];
    for (size_t at = 0; at < n; at += 64) {
        const unsigned char *q = p + at;
        if (n - at < 64) {
            memset(tail, 0, sizeof tail);
            memcpy(tail, q, n - at);
            q = tail;
        }
        const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)q);
        const __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(q + 32));
        *word++ = (uint64_t)word_bits32(a) | (uint64_t)word_bits32(b) << 32;
        *high++ = (uint64_t)(uint32_t)_mm256_movemask_epi8(a) |
                  (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
    }
}

__attribute__((target("avx512bw,avx512f"))) static void
mask_avx512(const unsigned char *p, size_t n, uint64_t *word, uint64_t *high)
{
    for (size_t at = 0; at < n; at += 64) {
        const size_t left = n - at;
        const __mmask64 in = left >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
        const __m512i c = _mm512_maskz_loadu_epi8(in, p + at);
        const __m512i low = _mm512_or_si512(c, _mm512_set1_epi8(0x20));
        const __mmask64 alpha = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(low, _mm512_set1_epi8('a')),
                                                       _mm512_set1_epi8(26));
        const __mmask64 digit =
            _mm512_cmplt_epu8_mask(_mm512_sub_epi8(c, _mm512_set1_epi8('0')), _mm512_set1_epi8(10));
        *word++ = alpha | digit | _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('_'));
        *high++ = _mm512_movepi8_mask(c);
    }
}

#endif

const struct mask_kernel mask_kernels[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, mask_avx512},
    {"avx2", has_avx2, mask_avx2},
#endif
    {"reference", always, mask_reference},
    {NULL, NULL, NULL},
};

const struct mask_kernel *mask_best(void)
{
    const struct mask_kernel *k = mask_kernels;
    while (!k->usable())
        k++;
    return k;
}
