#include "model/kernels/kernels_int8.h"

#include "core/processor.h"
#include "model/int8.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static bool always(void)
{
    return true;
}

static void dots_generic(const struct int8_dots *d)
{
    for (size_t i = 0; i < d->rows; i++) {
        for (size_t j = 0; j < d->n; j++) {
            const int8_t *x = d->x + i * d->ldx, *w = d->w + j * d->ldw;
            uint32_t sum = 0; /* wraps as the other kernels do */
            for (size_t k = 0; k < d->k; k++)
                sum += (uint32_t)(x[k] * w[k]);
            d->out[i * d->n + j] = (int32_t)sum;
        }
    }
}

static float round_generic(int8_t *q, const float *x, size_t n)
{
    return int8_round(q, x, n);
}

static const struct int8_kernels generic = {"generic", always, dots_generic, round_generic};

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2,fma")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma")))

static bool has_avx2(void)
{
    return processor_has(PROCESSOR_AVX2);
}

static bool has_vnni(void)
{
    return processor_has(PROCESSOR_AVX512_VNNI);
}

AVX2 static inline int32_t add_256(__m256i v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1));
    return _mm_cvtsi128_si32(s);
}

AVX2 static inline __m256i load_256(const int8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

AVX2 static inline __m256i multiply_256(__m256i sum, __m256i x, __m256i w)
{
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(w, x));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* One row of x by up to four of w. */
AVX2 static void dots_avx2(const struct int8_dots *d)
{
    for (size_t i = 0; i < d->rows; i++) {
        const int8_t *x = d->x + i * d->ldx;
        for (size_t j = 0; j < d->n; j += 4) {
            const size_t n = d->n - j < 4 ? d->n - j : 4;
            __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(),
                              _mm256_setzero_si256(), _mm256_setzero_si256()};
            const int8_t *w[4];
            for (size_t c = 0; c < 4; c++)
                w[c] = d->w + (j + (c < n ? c : 0)) * d->ldw;
            for (size_t k = 0; k < d->k; k += 32) {
                const __m256i v = load_256(x + k);
                sum[0] = multiply_256(sum[0], v, load_256(w[0] + k));
                sum[1] = multiply_256(sum[1], v, load_256(w[1] + k));
                sum[2] = multiply_256(sum[2], v, load_256(w[2] + k));
                sum[3] = multiply_256(sum[3], v, load_256(w[3] + k));
            }
            for (size_t c = 0; c < n; c++)
                d->out[i * d->n + j + c] = add_256(sum[c]);
        }
    }
}

/* Bits of a float without its sign: larger for larger numbers, largest for infinity and NaN. */
AVX2 static uint32_t largest_bits(const float *x, size_t n)
{
    const __m256i mask = _mm256_set1_epi32(0x7FFFFFFF);
    __m256i most = _mm256_setzero_si256();
    uint32_t lanes[8], best = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        most = _mm256_max_epu32(most,
                                _mm256_and_si256(mask, _mm256_loadu_si256((
                                                           const __m256i *)(const void *)(x + i))));
    _mm256_storeu_si256((__m256i *)(void *)lanes, most);
    for (size_t k = 0; k < 8; k++)
        best = lanes[k] > best ? lanes[k] : best;
    for (; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7FFFFFFFu;
        best = bits > best ? bits : best;
    }
    return best;
}

AVX2 static float round_avx2(int8_t *q, const float *x, size_t n)
{
    const uint32_t bits = largest_bits(x, n);
    float largest, factor;
    size_t i = 0;
    memcpy(&largest, &bits, sizeof largest);
    factor = 127 / largest;
    if (bits >= 0x7F800000u || bits == 0 || isinf(factor))
        return int8_round(q, x, n);
    for (; i + 8 <= n; i += 8) {
        const __m256i v =
            _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(factor)));
        const __m128i half =
            _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
        _mm_storel_epi64((__m128i *)(void *)(q + i), _mm_packs_epi16(half, half));
    }
    for (; i < n; i++)
        q[i] = (int8_t)lrintf(x[i] * factor);
    return largest / 127;
}

/* w was 128 more than it is. */
static inline int32_t without(int32_t dot, int32_t sum)
{
    return (int32_t)((uint32_t)dot - 128u * (uint32_t)sum);
}

/* The sums of sixteen vectors of sixteen: of each four within quarters, then over the quarters. */
VNNI static inline __m512i add_sixteen(const __m512i *v)
{
    __m512i pairs[8], fours[4], halves[2];
    for (size_t i = 0; i < 8; i++)
        pairs[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(v[2 * i], v[2 * i + 1]),
                                    _mm512_unpackhi_epi32(v[2 * i], v[2 * i + 1]));
    for (size_t i = 0; i < 4; i++)
        fours[i] = _mm512_add_epi32(_mm512_unpacklo_epi64(pairs[2 * i], pairs[2 * i + 1]),
                                    _mm512_unpackhi_epi64(pairs[2 * i], pairs[2 * i + 1]));
    for (size_t i = 0; i < 2; i++)
        halves[i] = _mm512_add_epi32(_mm512_shuffle_i64x2(fours[2 * i], fours[2 * i + 1], 0x44),
                                     _mm512_shuffle_i64x2(fours[2 * i], fours[2 * i + 1], 0xEE));
    return _mm512_add_epi32(_mm512_shuffle_i64x2(halves[0], halves[1], 0x88),
                            _mm512_shuffle_i64x2(halves[0], halves[1], 0xDD));
}

/* A tile of R rows of x by C of w, R C = 16: constants at each call. */
VNNI static inline __attribute__((always_inline)) void tile_512(const struct int8_dots *d, size_t i,
                                                                size_t j, size_t R, size_t C)
{
    const int8_t *x = d->x + i * d->ldx, *w = d->w + j * d->ldw;
    __m512i sum[16];
    int32_t dots[16];
    for (size_t n = 0; n < 16; n++)
        sum[n] = _mm512_setzero_si512();
    for (size_t k = 0; k < d->k; k += 64) {
        __m512i u[4];
        for (size_t r = 0; r < R; r++)
            u[r] = _mm512_loadu_si512(x + r * d->ldx + k);
        for (size_t c = 0; c < C; c++) {
            const __m512i v = _mm512_xor_si512(_mm512_set1_epi8((char)-128),
                                               _mm512_loadu_si512(w + c * d->ldw + k));
            for (size_t r = 0; r < R; r++)
                sum[r * C + c] = _mm512_dpbusd_epi32(sum[r * C + c], v, u[r]);
        }
    }
    _mm512_storeu_si512(dots, add_sixteen(sum));
    for (size_t r = 0; r < R; r++)
        for (size_t c = 0; c < C; c++)
            d->out[(i + r) * d->n + j + c] = without(dots[r * C + c], d->sums[i + r]);
}

VNNI static void one_512(const struct int8_dots *d, size_t i, size_t j)
{
    __m512i sum = _mm512_setzero_si512();
    for (size_t k = 0; k < d->k; k += 64)
        sum = _mm512_dpbusd_epi32(sum,
                                  _mm512_xor_si512(_mm512_set1_epi8((char)-128),
                                                   _mm512_loadu_si512(d->w + j * d->ldw + k)),
                                  _mm512_loadu_si512(d->x + i * d->ldx + k));
    d->out[i * d->n + j] = without(_mm512_reduce_add_epi32(sum), d->sums[i]);
}

/* Four rows go by four columns, single ones by sixteen; what is left one by one. */
VNNI static void dots_vnni(const struct int8_dots *d)
{
    const size_t tall = d->rows / 4 * 4, wide = d->n / 16 * 16;
    for (size_t j = 0; j < wide; j += 16) {
        for (size_t i = 0; i < tall; i += 4)
            for (size_t c = 0; c < 16; c += 4)
                tile_512(d, i, j + c, 4, 4);
        for (size_t i = tall; i < d->rows; i++)
            tile_512(d, i, j, 1, 16);
    }
    for (size_t j = wide; j < d->n; j++)
        for (size_t i = 0; i < d->rows; i++)
            one_512(d, i, j);
}

static const struct int8_kernels avx2 = {"avx2", has_avx2, dots_avx2, round_avx2};
static const struct int8_kernels vnni = {"avx512-vnni", has_vnni, dots_vnni, round_avx2};

const struct int8_kernels *const int8_kernel_tables[] = {&generic, &avx2, &vnni, NULL};

#else

const struct int8_kernels *const int8_kernel_tables[] = {&generic, NULL};

#endif

const struct int8_kernels *int8_kernels_best(void)
{
    const struct int8_kernels *best = int8_kernel_tables[0];
    for (size_t i = 0; int8_kernel_tables[i] != NULL; i++)
        if (int8_kernel_tables[i]->usable())
            best = int8_kernel_tables[i];
    return best;
}
