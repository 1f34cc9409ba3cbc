#include "filter/kernels/words.h"

#include "core/processor.h"
#include "filter/bits.h"
#include "filter/kernels/han.h"
#include "filter/letters.h"
#include "filter/wordhash.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static bool always(void)
{
    return true;
}

/* ---- the reference: a byte, a word, a character at a time */

static void masks_reference(const unsigned char *p, size_t n, uint64_t *word, uint64_t *high)
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

static void signs_reference(const unsigned char *p, size_t n, uint64_t *digit, uint64_t *sign)
{
    for (size_t at = 0; at < n; at += 64) {
        uint64_t d = 0, s = 0;
        for (size_t i = 0; i < 64 && at + i < n; i++) {
            const unsigned char c = p[at + i];
            d |= (uint64_t)(c >= '0' && c <= '9') << i;
            s |= (uint64_t)(c != 0 && strchr("+-*/<>=^%", c) != NULL) << i;
        }
        *digit++ = d;
        *sign++ = s;
    }
}

/* A run begins or ends where a bit differs from the one before. */
static inline __attribute__((always_inline)) size_t find_edges(const uint64_t *bits, size_t from,
                                                               size_t to, uint32_t *out)
{
    uint64_t last = 0;
    size_t n = 0;
    for (size_t block = from / 64; block * 64 < to; block++) {
        const uint64_t b = bits_between(bits, block, from, to);
        for (uint64_t edges = b ^ (b << 1 | last); edges != 0; edges &= edges - 1)
            out[n++] = (uint32_t)(block * 64) + (uint32_t)__builtin_ctzll(edges);
        last = b >> 63;
    }
    if (n & 1)
        out[n++] = (uint32_t)to;
    return n;
}

static size_t edges_reference(const uint64_t *bits, size_t from, size_t to, uint32_t *out)
{
    return find_edges(bits, from, to, out);
}

static void hashes_reference(const struct words *w, uint64_t *out)
{
    for (size_t i = 0; i < w->n_words; i++) {
        const uint32_t from = w->edges[2 * i], to = w->edges[2 * i + 1];
        out[i] = wordhash_ascii(w->p + from, to - from, w->p + w->n);
    }
}

static void threes_reference(const uint64_t *w, size_t n, uint64_t *out)
{
    for (size_t i = 0; i + 2 < n; i++)
        out[i] = wordhash_three(w[i], w[i + 1], w[i + 2]);
}

static size_t bigrams_reference(const unsigned char *p, size_t n, uint32_t *before, uint64_t *out)
{
    uint32_t last = *before;
    size_t k = 0;
    for (const unsigned char *end = p + n; letters_han(p, end); p += 3) {
        const uint32_t c = letters_han_code(p);
        out[k++] = wordhash_characters(last, c);
        last = c;
    }
    *before = last;
    return k;
}

#if defined(__x86_64__)

/* ---- AVX2: masks of 32 bytes; the rest as it is, with the instructions for bits */

#define AVX2 __attribute__((target("avx2,bmi,bmi2")))

static bool has_avx2(void)
{
    return processor_has(PROCESSOR_AVX2);
}

AVX2 static uint32_t word_bits32(__m256i c)
{
    const __m256i low = _mm256_or_si256(c, _mm256_set1_epi8(0x20));
    const __m256i alpha = _mm256_and_si256(_mm256_cmpgt_epi8(low, _mm256_set1_epi8('a' - 1)),
                                           _mm256_cmpgt_epi8(_mm256_set1_epi8('z' + 1), low));
    const __m256i digit = _mm256_and_si256(_mm256_cmpgt_epi8(c, _mm256_set1_epi8('0' - 1)),
                                           _mm256_cmpgt_epi8(_mm256_set1_epi8('9' + 1), c));
    const __m256i under = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('_'));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(alpha, _mm256_or_si256(digit, under)));
}

/* The next 64 bytes, and zeros behind the end. */
struct half {
    __m256i low, high;
};

AVX2 static inline struct half load_avx2(const unsigned char *p, size_t n)
{
    unsigned char tail[64];
    if (n < 64) {
        memset(tail, 0, sizeof tail);
        memcpy(tail, p, n);
        p = tail;
    }
    return (struct half){_mm256_loadu_si256((const __m256i *)(const void *)p),
                         _mm256_loadu_si256((const __m256i *)(const void *)(p + 32))};
}

AVX2 static void masks_avx2(const unsigned char *p, size_t n, uint64_t *word, uint64_t *high)
{
    for (size_t at = 0; at < n; at += 64) {
        const struct half c = load_avx2(p + at, n - at);
        *word++ = (uint64_t)word_bits32(c.low) | (uint64_t)word_bits32(c.high) << 32;
        *high++ = (uint64_t)(uint32_t)_mm256_movemask_epi8(c.low) |
                  (uint64_t)(uint32_t)_mm256_movemask_epi8(c.high) << 32;
    }
}

/* The signs by both halves of their bytes: a bit for 0x2., 0x3. and 0x5. each. */
#define SIGN_LOW  0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 2, 3, 6, 1
#define SIGN_HIGH 0, 0, 1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

AVX2 static uint32_t sign_bits32(__m256i c)
{
    const __m256i half = _mm256_set1_epi8(15);
    const __m256i low =
        _mm256_shuffle_epi8(_mm256_setr_epi8(SIGN_LOW, SIGN_LOW), _mm256_and_si256(c, half));
    const __m256i high = _mm256_shuffle_epi8(_mm256_setr_epi8(SIGN_HIGH, SIGN_HIGH),
                                             _mm256_and_si256(_mm256_srli_epi16(c, 4), half));
    const __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
    return ~(uint32_t)_mm256_movemask_epi8(none);
}

AVX2 static uint32_t digit_bits32(__m256i c)
{
    return (uint32_t)_mm256_movemask_epi8(
        _mm256_and_si256(_mm256_cmpgt_epi8(c, _mm256_set1_epi8('0' - 1)),
                         _mm256_cmpgt_epi8(_mm256_set1_epi8('9' + 1), c)));
}

AVX2 static void signs_avx2(const unsigned char *p, size_t n, uint64_t *digit, uint64_t *sign)
{
    for (size_t at = 0; at < n; at += 64) {
        const struct half c = load_avx2(p + at, n - at);
        *digit++ = (uint64_t)digit_bits32(c.low) | (uint64_t)digit_bits32(c.high) << 32;
        *sign++ = (uint64_t)sign_bits32(c.low) | (uint64_t)sign_bits32(c.high) << 32;
    }
}

AVX2 static size_t edges_avx2(const uint64_t *bits, size_t from, size_t to, uint32_t *out)
{
    return find_edges(bits, from, to, out);
}

/* ---- AVX-512: eight words at a time */

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vbmi,avx512vbmi2,popcnt")))

static bool has_avx512(void)
{
    return processor_has(PROCESSOR_AVX512_VBMI2);
}

AVX512 static inline __m512i load_avx512(const unsigned char *p, size_t n)
{
    return _mm512_maskz_loadu_epi8(n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1, p);
}

AVX512 static void masks_avx512(const unsigned char *p, size_t n, uint64_t *word, uint64_t *high)
{
    for (size_t at = 0; at < n; at += 64) {
        const __m512i c = load_avx512(p + at, n - at);
        const __m512i low = _mm512_or_si512(c, _mm512_set1_epi8(0x20));
        const __mmask64 alpha = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(low, _mm512_set1_epi8('a')),
                                                       _mm512_set1_epi8(26));
        const __mmask64 digit =
            _mm512_cmplt_epu8_mask(_mm512_sub_epi8(c, _mm512_set1_epi8('0')), _mm512_set1_epi8(10));
        *word++ = alpha | digit | _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('_'));
        *high++ = _mm512_movepi8_mask(c);
    }
}

AVX512 static void signs_avx512(const unsigned char *p, size_t n, uint64_t *digit, uint64_t *sign)
{
    const __m512i low = _mm512_broadcast_i32x4(_mm_setr_epi8(SIGN_LOW));
    const __m512i high = _mm512_broadcast_i32x4(_mm_setr_epi8(SIGN_HIGH));
    const __m512i half = _mm512_set1_epi8(15);
    for (size_t at = 0; at < n; at += 64) {
        const __m512i c = load_avx512(p + at, n - at);
        *digit++ =
            _mm512_cmplt_epu8_mask(_mm512_sub_epi8(c, _mm512_set1_epi8('0')), _mm512_set1_epi8(10));
        *sign++ = _mm512_test_epi8_mask(
            _mm512_shuffle_epi8(low, _mm512_and_si512(c, half)),
            _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16(c, 4), half)));
    }
}

static inline AVX512 __m512i times(__m512i x, uint64_t k)
{
    return _mm512_mullo_epi64(x, _mm512_set1_epi64((long long)k));
}

static inline AVX512 __m512i mix(__m512i h)
{
    h = times(_mm512_xor_si512(h, _mm512_srli_epi64(h, 30)), WORDHASH_K2);
    h = times(_mm512_xor_si512(h, _mm512_srli_epi64(h, 27)), WORDHASH_K3);
    return _mm512_xor_si512(h, _mm512_srli_epi64(h, 31));
}

/* wordhash_ascii of the words that lie from the low half of each lane to the high half; n >= 8. */
static inline AVX512 __m512i hash_eight(const unsigned char *p, size_t n, __m512i words,
                                        __mmask8 open)
{
    const __m512i eight = _mm512_set1_epi64(8), most = _mm512_set1_epi64((long long)(n - 8));
    __m512i at = _mm512_and_si512(words, _mm512_set1_epi64(UINT32_MAX));
    __m512i len = _mm512_sub_epi64(_mm512_srli_epi64(words, 32), at);
    __m512i h = times(len, WORDHASH_K2);
    for (;;) {
        /* near the end of the text eight bytes from further ahead, shifted */
        const __m512i from = _mm512_min_epu64(at, most);
        __m512i v = _mm512_i64gather_epi64(from, p, 1);
        v = _mm512_srlv_epi64(v, _mm512_slli_epi64(_mm512_sub_epi64(at, from), 3));
        v = _mm512_or_si512(v, _mm512_set1_epi8(0x20));
        const __m512i drop =
            _mm512_slli_epi64(_mm512_sub_epi64(eight, _mm512_min_epu64(len, eight)), 3);
        v = _mm512_srlv_epi64(_mm512_sllv_epi64(v, drop), drop);
        v = times(_mm512_xor_si512(h, v), WORDHASH_K1);
        h = _mm512_mask_xor_epi64(h, open, v, _mm512_srli_epi64(v, 32));
        open = _mm512_mask_cmpgt_epu64_mask(open, len, eight);
        if (open == 0)
            return h;
        at = _mm512_add_epi64(at, eight);
        len = _mm512_sub_epi64(len, eight);
    }
}

/* The places of the bits that are set, counted from `base`; how many. */
static inline AVX512 size_t places(uint64_t bits, uint32_t base, uint32_t to[64])
{
    const __m512i number =
        _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45,
                        44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26,
                        25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6,
                        5, 4, 3, 2, 1, 0);
    const __m512i found = _mm512_maskz_compress_epi8(bits, number);
    const __m512i from = _mm512_set1_epi32((int)base);
    const size_t n = (size_t)__builtin_popcountll(bits);
    _mm512_storeu_si512(to, _mm512_add_epi32(from,
                                             _mm512_cvtepu8_epi32(_mm512_castsi512_si128(found))));
    _mm512_storeu_si512(to + 16, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(
                                                            _mm512_extracti32x4_epi32(found, 1))));
    if (n <= 32)
        return n;
    _mm512_storeu_si512(to + 32, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(
                                                            _mm512_extracti32x4_epi32(found, 2))));
    _mm512_storeu_si512(to + 48, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(
                                                            _mm512_extracti32x4_epi32(found, 3))));
    return n;
}

AVX512 static size_t edges_avx512(const uint64_t *bits, size_t from, size_t to, uint32_t *out)
{
    uint64_t last = 0;
    size_t n = 0;
    for (size_t block = from / 64; block * 64 < to; block++) {
        const uint64_t b = bits_between(bits, block, from, to);
        n += places(b ^ (b << 1 | last), (uint32_t)(block * 64), out + n);
        last = b >> 63;
    }
    if (n & 1)
        out[n++] = (uint32_t)to;
    return n;
}

AVX512 static void hashes_avx512(const struct words *w, uint64_t *out)
{
    if (w->n < 8) {
        hashes_reference(w, out);
        return;
    }
    for (size_t i = 0; i < w->n_words; i += 8) {
        const size_t left = w->n_words - i;
        const __mmask8 in = (__mmask8)((1U << (left < 8 ? left : 8)) - 1);
        _mm512_storeu_si512(out + i,
                            hash_eight(w->p, w->n, _mm512_loadu_si512(w->edges + 2 * i), in));
    }
}

AVX512 static void threes_avx512(const uint64_t *w, size_t n, uint64_t *out)
{
    for (size_t i = 0; i + 2 < n; i += 8) {
        __m512i h = times(_mm512_loadu_si512(w + i), WORDHASH_K2);
        h = times(_mm512_add_epi64(h, _mm512_loadu_si512(w + i + 1)), WORDHASH_K3);
        h = _mm512_add_epi64(h, _mm512_loadu_si512(w + i + 2));
        _mm512_storeu_si512(out + i, mix(h));
    }
}

/* wordhash_characters of eight pairs. */
static inline AVX512 __m512i pair_eight(__m256i before, __m256i codes)
{
    const __m512i a = _mm512_slli_epi64(_mm512_cvtepu32_epi64(before), 32);
    const __m512i b = _mm512_xor_si512(_mm512_cvtepu32_epi64(codes),
                                       _mm512_set1_epi64((long long)WORDHASH_CHARACTERS));
    return mix(_mm512_xor_si512(a, b));
}

AVX512 static size_t bigrams_avx512(const unsigned char *p, size_t n, uint32_t *before,
                                    uint64_t *out)
{
    __m512i last = _mm512_set1_epi32((int)*before);
    for (size_t k = 0;;) {
        __m512i codes;
        const size_t got = han_sixteen(han_load(p + 3 * k, n - 3 * k), &codes);
        const __m512i left = _mm512_alignr_epi32(codes, last, 15);
        _mm512_storeu_si512(out + k, pair_eight(_mm512_castsi512_si256(left),
                                                _mm512_castsi512_si256(codes)));
        if (got > 8)
            _mm512_storeu_si512(out + k + 8, pair_eight(_mm512_extracti64x4_epi64(left, 1),
                                                        _mm512_extracti64x4_epi64(codes, 1)));
        k += got;
        if (got < 16) {
            if (k > 0)
                *before = letters_han_code(p + 3 * (k - 1));
            return k;
        }
        last = codes;
    }
}

#endif

const struct words_kernel words_kernels[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, masks_avx512, signs_avx512, edges_avx512, hashes_avx512, threes_avx512,
     bigrams_avx512},
    {"avx2", has_avx2, masks_avx2, signs_avx2, edges_avx2, hashes_reference, threes_reference,
     bigrams_reference},
#endif
    {"reference", always, masks_reference, signs_reference, edges_reference, hashes_reference,
     threes_reference, bigrams_reference},
    {.name = NULL},
};

const struct words_kernel *words_best(void)
{
    const struct words_kernel *k = words_kernels;
    while (!k->usable())
        k++;
    return k;
}
