/*
 * Sixteen characters U+4E00 to U+9FFF at a time, for the kernels that have AVX-512.
 */
#ifndef FILTER_KERNELS_HAN_H
#define FILTER_KERNELS_HAN_H

#if defined(__x86_64__)

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

enum { HAN_BYTES = 48 };

/* The first 48 bytes at p, and 0 where there are less; the last 16 are always 0. */
__attribute__((target("avx512f,avx512bw"))) static inline __m512i han_load(const unsigned char *p,
                                                                           size_t n)
{
    const uint64_t in = (UINT64_C(1) << (n < HAN_BYTES ? n : HAN_BYTES)) - 1;
    return _mm512_maskz_loadu_epi8(in, p);
}

/* The code points of sixteen sequences of three bytes; how many of them come before the first that
 * is not in the range. */
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) static inline size_t
han_sixteen(__m512i bytes, __m512i *codes)
{
    /* the bytes of a lane from its lowest: third, second, first, one that is 0 */
    const __m512i order =
        _mm512_set_epi8(63, 45, 46, 47, 63, 42, 43, 44, 63, 39, 40, 41, 63, 36, 37, 38, 63, 33, 34,
                        35, 63, 30, 31, 32, 63, 27, 28, 29, 63, 24, 25, 26, 63, 21, 22, 23, 63, 18,
                        19, 20, 63, 15, 16, 17, 63, 12, 13, 14, 63, 9, 10, 11, 63, 6, 7, 8, 63, 3,
                        4, 5, 63, 0, 1, 2);
    const __m512i x = _mm512_permutexvar_epi8(order, bytes);
    const __m512i one = _mm512_and_si512(x, _mm512_set1_epi32(0x3F));
    const __m512i two = _mm512_and_si512(_mm512_srli_epi32(x, 2), _mm512_set1_epi32(0xFC0));
    const __m512i three = _mm512_and_si512(_mm512_srli_epi32(x, 4), _mm512_set1_epi32(0xF000));
    *codes = _mm512_or_si512(one, _mm512_or_si512(two, three));
    const __mmask16 shaped =
        _mm512_cmpeq_epi32_mask(_mm512_and_si512(x, _mm512_set1_epi32(0xF0C0C0)),
                                _mm512_set1_epi32(0xE08080));
    const __mmask16 han =
        _mm512_mask_cmplt_epu32_mask(shaped, _mm512_sub_epi32(*codes, _mm512_set1_epi32(0x4E00)),
                                     _mm512_set1_epi32(0x5200));
    return (size_t)__builtin_ctz(~(uint32_t)han);
}

#endif

#endif
