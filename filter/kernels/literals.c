#include "filter/kernels/literals.h"

#include "core/processor.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static void allow(struct literals *l, int place, unsigned char c, uint8_t bucket)
{
    l->table[place][0][c & 15] |= bucket;
    l->table[place][1][c >> 4] |= bucket;
}

/* A literal that is shorter than the head takes any byte behind its end. */
static void add(struct literals *l, const char *literal, uint8_t bucket)
{
    const size_t len = strlen(literal);
    for (int place = 0; place < LITERALS_HEAD; place++) {
        if ((size_t)place >= len) {
            for (unsigned half = 0; half < 16; half++) {
                l->table[place][0][half] |= bucket;
                l->table[place][1][half] |= bucket;
            }
            continue;
        }
        const unsigned char c = (unsigned char)literal[place];
        allow(l, place, c, bucket);
        if (c >= 'a' && c <= 'z')
            allow(l, place, (unsigned char)(c - 32), bucket);
    }
}

/* Literals with the same first byte share a bucket where they can, and those shorter than the head
 * have one of their own: fewer chance meetings. */
void literals_make(struct literals *l, const char *const *list)
{
    unsigned count[256] = {0};
    size_t n = 0, before = 0;
    memset(l, 0, sizeof *l);
    for (const char *const *s = list; *s != NULL; s++) {
        if (strlen(*s) < LITERALS_HEAD) {
            add(l, *s, 1);
            continue;
        }
        count[(unsigned char)(*s)[0]]++;
        n++;
    }
    for (unsigned c = 0; c < 256; c++) {
        const size_t middle = before + count[c] / 2;
        const uint8_t bucket = (uint8_t)(2U << (n > 0 ? middle * (LITERALS_BUCKETS - 1) / n : 0));
        for (const char *const *s = list; count[c] > 0 && *s != NULL; s++)
            if ((unsigned char)(*s)[0] == c && strlen(*s) >= LITERALS_HEAD)
                add(l, *s, bucket);
        before += count[c];
    }
}

static bool always(void)
{
    return true;
}

static bool alnum(unsigned c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* The byte at i; behind the end stands 0, which only what may be anything matches. */
static unsigned at(const unsigned char *p, size_t n, size_t i)
{
    return i < n ? p[i] : 0U;
}

static size_t next_reference(const struct literals *l, const unsigned char *p, size_t n,
                             size_t from)
{
    for (size_t i = from; i < n; i++) {
        unsigned bits = 0xFF;
        for (size_t place = 0; place < LITERALS_HEAD; place++) {
            const unsigned c = at(p, n, i + place);
            bits &= (unsigned)l->table[place][0][c & 15] & l->table[place][1][c >> 4];
        }
        if (bits != 0 && !(i > 0 && alnum(p[i - 1]) && alnum(p[i])))
            return i;
    }
    return n;
}

#if defined(__x86_64__)

static bool has_avx2(void)
{
    return processor_has(PROCESSOR_AVX2);
}

__attribute__((target("avx2"))) static __m256i table_of(const uint8_t t[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)t));
}

/* The buckets that may have each of 32 bytes at one place. */
__attribute__((target("avx2"))) static inline __m256i look(const unsigned char *p, __m256i low,
                                                           __m256i high)
{
    const __m256i half = _mm256_set1_epi8(15);
    const __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)p);
    return _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(c, half)),
                            _mm256_shuffle_epi8(high,
                                                _mm256_and_si256(_mm256_srli_epi16(c, 4), half)));
}

/* Which of 32 bytes are ASCII letters or digits. */
__attribute__((target("avx2"))) static inline uint32_t words(const unsigned char *p)
{
    const __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)p);
    const __m256i low = _mm256_or_si256(c, _mm256_set1_epi8(0x20));
    const __m256i alpha = _mm256_and_si256(_mm256_cmpgt_epi8(low, _mm256_set1_epi8('a' - 1)),
                                           _mm256_cmpgt_epi8(_mm256_set1_epi8('z' + 1), low));
    const __m256i digit = _mm256_and_si256(_mm256_cmpgt_epi8(c, _mm256_set1_epi8('0' - 1)),
                                           _mm256_cmpgt_epi8(_mm256_set1_epi8('9' + 1), c));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(alpha, digit));
}

enum { STEP = 32, TAIL = STEP + LITERALS_HEAD - 1 };

__attribute__((target("avx2"))) static size_t
next_avx2(const struct literals *l, const unsigned char *p, size_t n, size_t from)
{
    const __m256i low0 = table_of(l->table[0][0]), high0 = table_of(l->table[0][1]);
    const __m256i low1 = table_of(l->table[1][0]), high1 = table_of(l->table[1][1]);
    const __m256i low2 = table_of(l->table[2][0]), high2 = table_of(l->table[2][1]);
    for (size_t i = from; i < n; i += STEP) {
        unsigned char tail[TAIL];
        const unsigned char *q = p + i;
        if (n - i < TAIL) {
            memset(tail, 0, sizeof tail);
            memcpy(tail, q, n - i);
            q = tail;
        }
        const __m256i bits =
            _mm256_and_si256(look(q, low0, high0),
                             _mm256_and_si256(look(q + 1, low1, high1), look(q + 2, low2, high2)));
        const uint32_t none =
            (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bits, _mm256_setzero_si256()));
        if (~none == 0)
            continue;
        const uint32_t word = words(q), inside = i > 0 && alnum(p[i - 1]);
        const uint32_t found = ~none & ~(word & (word << 1 | inside));
        if (found != 0) {
            const size_t place = i + (size_t)__builtin_ctz(found);
            return place < n ? place : n;
        }
    }
    return n;
}

#endif

const struct literals_kernel literals_kernels[] = {
#if defined(__x86_64__)
    {"avx2", has_avx2, next_avx2},
#endif
    {"reference", always, next_reference},
    {NULL, NULL, NULL},
};

const struct literals_kernel *literals_best(void)
{
    const struct literals_kernel *k = literals_kernels;
    while (!k->usable())
        k++;
    return k;
}
