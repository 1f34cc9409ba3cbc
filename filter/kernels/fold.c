#include "filter/kernels/fold.h"

#include "core/processor.h"
#include "filter/kernels/han.h"
#include "filter/letters.h"

#include <stdint.h>
#include <string.h>

static bool always(void)
{
    return true;
}

/* NUL too, which separates pieces where they are joined. */
static inline bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static inline bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

/* One byte of ASCII. */
static inline void write_one(unsigned char c, bool lower, struct fold *f)
{
    if (is_space(c)) {
        f->blank = true;
        return;
    }
    fold_start(f);
    *f->to++ = lower && c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* ---- the reference: a byte at a time */

static size_t ascii_reference(const unsigned char *p, size_t n, bool lower, struct fold *f)
{
    size_t i = 0;
    for (; i < n && p[i] < 0x80; i++)
        write_one(p[i], lower, f);
    return i;
}

static size_t han_reference(const unsigned char *p, size_t n, unsigned char *to)
{
    size_t i = 0;
    for (; letters_han(p + i, p + n); i += 3)
        memcpy(to + i, p + i, 3);
    return i;
}

static size_t digits_reference(const unsigned char *p, size_t n, unsigned char *to)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(p[i]))
            to[k++] = p[i];
        else if (k == 0 || to[k - 1] != 1)
            to[k++] = 1;
    }
    return k;
}

#if defined(__x86_64__)

/* ---- AVX2: up to 32 bytes that need no folding are copied at once */

#define AVX2 __attribute__((target("avx2,bmi")))

static bool has_avx2(void)
{
    return processor_has(PROCESSOR_AVX2);
}

static inline AVX2 __m256i load32(const unsigned char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline AVX2 void store32(unsigned char *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

static inline AVX2 uint32_t bits32(__m256i v)
{
    return (uint32_t)_mm256_movemask_epi8(v);
}

static inline AVX2 __m256i within32(__m256i v, char first, char last)
{
    return _mm256_and_si256(_mm256_cmpgt_epi8(v, _mm256_set1_epi8((char)(first - 1))),
                            _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(last + 1)), v));
}

/* How many of 32 bytes come before one that is not ASCII, white space other than a blank, or a
 * blank behind another; these are written. */
static inline AVX2 size_t write_clean(const unsigned char *p, bool lower, struct fold *f)
{
    const __m256i v = load32(p), space = _mm256_set1_epi8(' ');
    const uint32_t blank = bits32(_mm256_cmpeq_epi8(v, space));
    const uint32_t behind = blank << 1 | (f->blank || !f->started);
    const __m256i null = _mm256_cmpeq_epi8(v, _mm256_setzero_si256());
    const __m256i other = _mm256_or_si256(null, within32(v, '\t', '\r'));
    const uint32_t odd = bits32(_mm256_or_si256(v, other)) | (blank & behind);
    const size_t n = odd != 0 ? (size_t)__builtin_ctz(odd) : 32;
    if (n == 0)
        return 0;
    fold_start(f);
    store32(f->to, lower ? _mm256_or_si256(v, _mm256_and_si256(within32(v, 'A', 'Z'), space)) : v);
    f->blank = blank >> (n - 1) & 1;
    f->to += n - f->blank;
    return n;
}

AVX2 static size_t ascii_avx2(const unsigned char *p, size_t n, bool lower, struct fold *f)
{
    size_t i = 0;
    while (i < n && p[i] < 0x80) {
        const size_t clean = n - i >= 32 ? write_clean(p + i, lower, f) : 0;
        if (clean == 0)
            write_one(p[i], lower, f);
        i += clean > 0 ? clean : 1;
    }
    return i;
}

AVX2 static size_t digits_avx2(const unsigned char *p, size_t n, unsigned char *to)
{
    size_t i = 0, k = 0;
    while (i < n) {
        size_t plain = !is_digit(p[i]);
        if (n - i >= 32) {
            const __m256i v = load32(p + i);
            const uint32_t digits = bits32(within32(v, '0', '9'));
            plain = digits != 0 ? (size_t)__builtin_ctz(digits) : 32;
            store32(to + k, v);
        } else {
            to[k] = p[i];
        }
        i += plain;
        k += plain;
        if (i == n || !is_digit(p[i]))
            continue;
        if (k == 0 || to[k - 1] != 1)
            to[k++] = 1;
        while (i < n && is_digit(p[i]))
            i++;
    }
    return k;
}

/* ---- AVX-512: 64 bytes at a time, and what is dropped is pressed out */

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")))

static bool has_avx512(void)
{
    return processor_has(PROCESSOR_AVX512_VBMI2);
}

static inline AVX512 __mmask64 within64(__m512i v, char first, char last)
{
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8(first)),
                                  _mm512_set1_epi8((char)(last - first)));
}

static inline uint64_t first_bits(size_t n)
{
    return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

/* The bytes of `keep`, one after the other. */
static inline AVX512 size_t press(unsigned char *to, __m512i v, uint64_t keep)
{
    if ((keep & (keep + 1)) != 0) /* not just the first ones */
        v = _mm512_maskz_compress_epi8(keep, v);
    _mm512_storeu_si512(to, v);
    return (size_t)__builtin_popcountll(keep);
}

/* 64 bytes, of which those of `in` count, all ASCII and not none. */
static inline AVX512 void fold64(__m512i v, uint64_t in, bool lower, struct fold *f)
{
    const __m512i blank = _mm512_set1_epi8(' ');
    const uint64_t null = _mm512_testn_epi8_mask(v, v);
    const uint64_t space = (_mm512_cmpeq_epi8_mask(v, blank) | within64(v, '\t', '\r') | null) & in;
    const uint64_t text = in & ~space;
    /* the first of a run of white space is kept, and taken back where nothing follows so far */
    const uint64_t first = space & (text << 1 | (f->started && !f->blank));
    v = _mm512_mask_mov_epi8(v, space, blank);
    if (lower)
        v = _mm512_or_si512(v, _mm512_maskz_mov_epi8(within64(v, 'A', 'Z'), blank));
    if (f->blank && f->started)
        *f->to++ = ' ';
    f->to += press(f->to, v, text | first);
    f->started |= text != 0;
    f->blank = (space & ~(in >> 1)) != 0; /* the last of them */
    f->to -= f->blank && f->started;
}

AVX512 static size_t ascii_avx512(const unsigned char *p, size_t n, bool lower, struct fold *f)
{
    for (size_t i = 0; i < n; i += 64) {
        uint64_t in = first_bits(n - i);
        const __m512i v = _mm512_maskz_loadu_epi8(in, p + i);
        const uint64_t high = _mm512_movepi8_mask(v);
        in &= high != 0 ? (high & -high) - 1 : in;
        if (in != 0)
            fold64(v, in, lower, f);
        if (high != 0)
            return i + (size_t)__builtin_ctzll(high);
    }
    return n;
}

AVX512 static size_t han_avx512(const unsigned char *p, size_t n, unsigned char *to)
{
    for (size_t i = 0;;) {
        __m512i codes;
        const __m512i v = han_load(p + i, n - i);
        const size_t got = han_sixteen(v, &codes);
        _mm512_storeu_si512(to + i, v);
        i += 3 * got;
        if (got < 16)
            return i;
    }
}

AVX512 static size_t digits_avx512(const unsigned char *p, size_t n, unsigned char *to)
{
    const __m512i mark = _mm512_set1_epi8(1);
    uint64_t last = 0;
    size_t k = 0;
    for (size_t i = 0; i < n; i += 64) {
        const uint64_t in = first_bits(n - i);
        const __m512i v = _mm512_maskz_loadu_epi8(in, p + i);
        const uint64_t digits = within64(v, '0', '9');
        const uint64_t marks = digits | _mm512_cmpeq_epi8_mask(v, mark);
        k += press(to + k, _mm512_mask_mov_epi8(v, digits, mark),
                   in & ~(digits & (marks << 1 | last)));
        last = marks >> 63;
    }
    return k;
}

#endif

const struct fold_kernel fold_kernels[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, ascii_avx512, han_avx512, digits_avx512},
    {"avx2", has_avx2, ascii_avx2, han_reference, digits_avx2},
#endif
    {"reference", always, ascii_reference, han_reference, digits_reference},
    {NULL, NULL, NULL, NULL, NULL},
};

const struct fold_kernel *fold_best(void)
{
    const struct fold_kernel *k = fold_kernels;
    while (!k->usable())
        k++;
    return k;
}
