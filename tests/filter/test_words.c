/* The kernels of shingling and sorting: each against its reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "filter/hashsort.h"
#include "filter/kernels/settle.h"
#include "filter/kernels/words.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 700, ITEMS = MOST + WORDS_SLACK };

static size_t random_bytes(struct rng *r, unsigned char *p)
{
    static const char parts[] = "aZ09_ .+-*/<>=^%\n";
    static const char *const wide[] = {"一", "北",           "鿿",  "é",
                                       "ꀀ", "\xE4\xB7\xBF", "\xFF", "\xE5"};
    const size_t most = rng_below(r, MOST - 3);
    size_t n = 0;
    while (n < most) {
        const uint32_t k = rng_below(r, 24);
        const char *s = wide[rng_below(r, 8)];
        if (k < 8) { /* a word, mostly a short one */
            for (uint32_t i = rng_below(r, rng_below(r, 10) == 0 ? 90 : 12); i > 0 && n < most; i--)
                p[n++] = (unsigned char)parts[rng_below(r, 5)];
        } else if (k < 12) {
            memcpy(p + n, s, strlen(s));
            n += strlen(s);
        } else {
            p[n++] = (unsigned char)parts[rng_below(r, sizeof parts)]; /* its NUL too */
        }
    }
    return n;
}

struct results {
    uint64_t word[ITEMS], high[ITEMS], digit[ITEMS], sign[ITEMS];
    uint32_t edges[2 * ITEMS];
    uint64_t hashes[ITEMS], threes[ITEMS];
    size_t n_edges;
};

static void run(const struct words_kernel *k, const unsigned char *p, size_t n, size_t from,
                struct results *out)
{
    k->masks(p, n, out->word, out->high);
    k->signs(p, n, out->digit, out->sign);
    out->n_edges = k->edges(out->word, from, n, out->edges);
    const struct words w = {p, n, out->edges, out->n_edges / 2};
    k->hashes(&w, out->hashes);
    k->threes(out->hashes, w.n_words, out->threes);
}

static void check_words(const struct words_kernel *want, const struct words_kernel *got,
                        const unsigned char *p, size_t n, size_t from)
{
    static struct results a, b;
    const size_t blocks = (n + 63) / 64;
    run(want, p, n, from, &a);
    run(got, p, n, from, &b);
    assert_memory_equal(a.word, b.word, blocks * sizeof *a.word);
    assert_memory_equal(a.high, b.high, blocks * sizeof *a.high);
    assert_memory_equal(a.digit, b.digit, blocks * sizeof *a.digit);
    assert_memory_equal(a.sign, b.sign, blocks * sizeof *a.sign);
    assert_int_equal(a.n_edges, b.n_edges);
    assert_memory_equal(a.edges, b.edges, a.n_edges * sizeof *a.edges);
    assert_memory_equal(a.hashes, b.hashes, a.n_edges / 2 * sizeof *a.hashes);
    if (a.n_edges > 4)
        assert_memory_equal(a.threes, b.threes, (a.n_edges / 2 - 2) * sizeof *a.threes);
}

static void check_bigrams(const struct words_kernel *want, const struct words_kernel *got,
                          const unsigned char *p, size_t n)
{
    uint64_t a[ITEMS], b[ITEMS];
    uint32_t x = 0x4E00, y = x;
    const size_t k = want->bigrams(p, n, &x, a);
    assert_int_equal(k, got->bigrams(p, n, &y, b));
    assert_int_equal(x, y);
    assert_memory_equal(a, b, k * sizeof *a);
}

static void test_words(void **state)
{
    const struct words_kernel *reference = words_kernels;
    struct rng r = rng_new(5, 2);
    unsigned char text[MOST], han[MOST];
    (void)state;
    while (reference[1].name != NULL)
        reference++;
    for (int round = 0; round < 3000; round++) {
        const size_t n = random_bytes(&r, text), at = rng_below(&r, (uint32_t)n + 1);
        const size_t run_len = 3 * rng_below(&r, MOST / 3);
        for (size_t i = 0; i < run_len; i++)
            han[i] = (unsigned char)"北京大"[i % 9];
        for (const struct words_kernel *k = words_kernels; k != reference; k++)
            if (k->usable()) {
                check_words(reference, k, text, n, at);
                check_bigrams(reference, k, text + at, n - at);
                check_bigrams(reference, k, han, run_len);
            }
    }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Spread evenly, with many equal ones, or alike in their upper half. */
static uint64_t random_key(struct rng *r, int how)
{
    const uint64_t key = (uint64_t)rng_below(r, UINT32_MAX) << 32 | rng_below(r, UINT32_MAX);
    if (how == 1)
        return (key >> 60) * UINT64_C(0x9E3779B97F4A7C15);
    return how == 2 ? (key & 0x7FFF) | UINT64_C(1) << 60 : key;
}

static void test_sorting(void **state)
{
    struct rng r = rng_new(6, 2);
    uint64_t keys[3000], want[3000];
    (void)state;
    for (int round = 0; round < 600; round++) {
        const size_t n = rng_below(&r, round % 10 == 0 ? 3000 : 200);
        for (size_t i = 0; i < n; i++)
            keys[i] = want[i] = random_key(&r, round % 3);
        qsort(want, n, sizeof *want, by_value);
        hashsort_keys(keys, n);
        assert_memory_equal(keys, want, n * sizeof *keys);
    }
}

static void test_settling(void **state)
{
    struct rng r = rng_new(7, 2);
    uint64_t keys[200], want[200];
    (void)state;
    for (int round = 0; round < 500; round++) {
        const size_t n = rng_below(&r, 200);
        for (size_t i = 0; i < n; i++)
            keys[i] = want[i] =
                (uint64_t)i * 1000 + rng_below(&r, 4000) - (round % 2 ? 1ULL << 63 : 0);
        qsort(want, n, sizeof *want, by_value);
        for (const struct settle_kernel *k = settle_kernels; k->name != NULL; k++) {
            uint64_t got[200];
            memcpy(got, keys, sizeof got);
            if (!k->usable())
                continue;
            k->run(got, n);
            assert_memory_equal(got, want, n * sizeof *got);
        }
    }
}

static int by_pair(const void *a, const void *b)
{
    const struct hashsort_pair *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash > y->hash ? 1 : -1;
    return (x->kind < y->kind) - (x->kind > y->kind);
}

static void test_pairs(void **state)
{
    struct rng r = rng_new(8, 2);
    struct hashsort_pair items[3000], want[3000];
    (void)state;
    for (int round = 0; round < 300; round++) {
        const size_t n = rng_below(&r, round % 10 == 0 ? 3000 : 300);
        for (size_t i = 0; i < n; i++)
            items[i] = want[i] =
                (struct hashsort_pair){random_key(&r, round % 3), rng_below(&r, 3), 0};
        qsort(want, n, sizeof *want, by_pair);
        hashsort_pairs(items, n);
        assert_memory_equal(items, want, n * sizeof *items);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_sorting),
        cmocka_unit_test(test_settling),
        cmocka_unit_test(test_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
