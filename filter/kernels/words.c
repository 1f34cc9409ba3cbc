#include "filter/kernels/words.h"

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

/* Of the block's bits those in [from, to). */
static inline uint64_t between(uint64_t bits, size_t block, size_t from, size_t to)
{
    if (from > block * 64)
        bits = bits >> (from & 63) << (from & 63);
    return to < block * 64 + 64 ? bits & ((UINT64_C(1) << (to & 63)) - 1) : bits;
}

/* Words begin and end where a bit differs from the one before. */
static inline __attribute__((always_inline)) size_t
hash_words(const struct words_text *t, size_t from, size_t to, uint64_t *out)
{
    const unsigned char *p = t->p, *end = p + t->n;
    size_t start = 0, n = 0;
    uint64_t last = 0;
    for (size_t block = from / 64; block * 64 < to; block++) {
        const uint64_t w = between(t->word[block], block, from, to);
        for (uint64_t edges = w ^ (w << 1 | last); edges != 0; edges &= edges - 1) {
            const size_t edge = block * 64 + (size_t)__builtin_ctzll(edges);
            if (last)
                out[n++] = wordhash_ascii(p + start, edge - start, end);
            last ^= 1;
            start = edge;
        }
    }
    if (last)
        out[n++] = wordhash_ascii(p + start, to - start, end);
    return n;
}

static size_t hashes_reference(const struct words_text *t, size_t from, size_t to, uint64_t *out)
{
    return hash_words(t, from, to, out);
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
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
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

AVX2 static void masks_avx2(const unsigned char *p, size_t n, uint64_t *word, uint64_t *high)
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

AVX2 static size_t hashes_avx2(const struct words_text *t, size_t from, size_t to, uint64_t *out)
{
    return hash_words(t, from, to, out);
}

/* ---- AVX-512: eight words at a time */

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vbmi,avx512vbmi2,popcnt")))

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
}

AVX512 static void masks_avx512(const unsigned char *p, size_t n, uint64_t *word, uint64_t *high)
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

/* Of n words, given by where they begin and end. */
static inline AVX512 void hash_edges(const struct words_text *t, const uint32_t *edges, size_t n,
                                     uint64_t *out)
{
    for (size_t i = 0; i < n; i += 8) {
        const __mmask8 in = n - i >= 8 ? 0xFF : (__mmask8)((1U << (n - i)) - 1);
        const __m512i words = _mm512_loadu_si512(edges + 2 * i);
        _mm512_storeu_si512(out + i, hash_eight(t->p, t->n, words, in));
    }
}

enum { EDGES = 256 }; /* gathered before they are hashed */

AVX512 static size_t hashes_avx512(const struct words_text *t, size_t from, size_t to,
                                   uint64_t *out)
{
    uint32_t edges[EDGES + 64 + 16];
    size_t n_edges = 0, n = 0;
    uint64_t last = 0;
    if (t->n < 8)
        return hash_words(t, from, to, out);
    for (size_t block = from / 64; block * 64 < to; block++) {
        const uint64_t w = between(t->word[block], block, from, to);
        n_edges += places(w ^ (w << 1 | last), (uint32_t)(block * 64), edges + n_edges);
        last = w >> 63;
        if (n_edges < EDGES)
            continue;
        hash_edges(t, edges, n_edges / 2, out + n);
        n += n_edges / 2;
        edges[0] = edges[n_edges - 1]; /* where a word has begun, if one is open */
        n_edges &= 1;
    }
    edges[n_edges] = (uint32_t)to;
    n_edges += n_edges & 1;
    hash_edges(t, edges, n_edges / 2, out + n);
    return n + n_edges / 2;
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
    {"avx512", has_avx512, masks_avx512, hashes_avx512, threes_avx512, bigrams_avx512},
    {"avx2", has_avx2, masks_avx2, hashes_avx2, threes_reference, bigrams_reference},
#endif
    {"reference", always, masks_reference, hashes_reference, threes_reference, bigrams_reference},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

const struct words_kernel *words_best(void)
{
    const struct words_kernel *k = words_kernels;
    while (!k->usable())
        k++;
    return k;
}
