/* MinHash: kernels agree, estimates are what the binomial says, bands recall what they promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "filter/index.h"
#include "filter/minhash.h"

#include <math.h>
#include <stdbool.h>

enum { SHINGLES = 300 };

static void test_kernels(void **state)
{
    uint64_t items[SHINGLES];
    uint32_t want[MINHASH_PLACES], got[MINHASH_PLACES];
    struct rng r = rng_new(3, 3);
    const struct minhash_kernel *last = minhash_kernels;
    (void)state;
    while (last[1].name != NULL)
        last++;
    for (size_t i = 0; i < SHINGLES; i++)
        items[i] = rng_u64(&r);
    for (const struct minhash_kernel *k = minhash_kernels; k->name != NULL; k++)
        for (size_t n = 1; k->usable() && n <= SHINGLES; n += n < 20 ? 1 : 37) {
            last->run(items, n, want);
            k->run(items, n, got);
            assert_memory_equal(got, want, sizeof want);
        }
}

/* The coefficients may never change: signatures are stored. */
static void test_pinned(void **state)
{
    const uint64_t items[3] = {UINT64_C(1) << 32, UINT64_C(2) << 32, UINT64_C(0xDEADBEEF12345678)};
    struct minhash_signature s;
    (void)state;
    minhash_sign(NULL, items, 3, &s);
    assert_int_equal(s.place[0], 136);
    assert_int_equal(s.place[1], 187);
    assert_int_equal(s.place[127], 135);
    assert_true(minhash_band(&s, 0) >> 24 == s.place[0]);
}

/* Two sets of 200 that share as many as give the similarity. */
static int agreement(struct rng *r, double j, bool *met)
{
    uint64_t a[200], b[200];
    struct minhash_signature x, y;
    const size_t both = (size_t)(400 * j / (1 + j));
    for (size_t i = 0; i < 200; i++) {
        a[i] = rng_u64(r);
        b[i] = i < both ? a[i] : rng_u64(r);
    }
    minhash_sign(NULL, a, 200, &x);
    minhash_sign(NULL, b, 200, &y);
    *met = false;
    for (int band = 0; band < MINHASH_BANDS; band++)
        *met |= minhash_band(&x, band) == minhash_band(&y, band);
    return minhash_agree(&x, &y);
}

static void test_estimate(void **state)
{
    static const double levels[] = {0.3, 0.5, 0.7, 0.9};
    struct rng r = rng_new(5, 5);
    (void)state;
    for (size_t l = 0; l < 4; l++) {
        double sum = 0, square = 0, met = 0;
        const double j = (double)(size_t)(400 * levels[l] / (1 + levels[l])) /
                         (400 - (double)(size_t)(400 * levels[l] / (1 + levels[l])));
        for (int i = 0; i < 1000; i++) {
            bool m = false;
            const double e = agreement(&r, levels[l], &m) / 128.0 - (j + (1 - j) / 256);
            sum += e;
            square += e * e;
            met += m;
        }
        assert_true(fabs(sum / 1000) < 0.006);
        assert_true(sqrt(square / 1000) < 1.12 * sqrt(j * (1 - j) / 128));
        assert_true(fabs(met / 1000 - minhash_recall(j)) < 0.06);
    }
    assert_true(minhash_recall(0.7) > 0.999 && minhash_recall(0.62) > 0.99);
}

/* The sketch never claims less agreement than there is. */
static void test_sketch(void **state)
{
    struct index x;
    struct rng r = rng_new(9, 9);
    struct minhash_signature s[2];
    struct error e;
    uint32_t key = 0;
    (void)state;
    index_init(&x, 1 << 20);
    for (int round = 0; round < 50; round++) {
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < MINHASH_PLACES; i++)
                s[k].place[i] =
                    (uint8_t)(k && rng_below(&r, 2) ? s[0].place[i] : rng_below(&r, 256));
        const size_t at = x.n;
        assert_int_equal(index_append(&x, &(struct index_entry){.id = 1}, &s[0], "/tmp", &e), 0);
        assert_int_equal(index_append(&x, &(struct index_entry){.id = 2}, &s[1], "/tmp", &e), 0);
        assert_true(index_agree(&x.entries[at], &x.entries[at + 1]) >= minhash_agree(&s[0], &s[1]));
        assert_int_equal(index_key(&x, at, 5, &key, &e), 0);
        assert_true(key == minhash_band(&s[0], 5));
    }
    index_free(&x);
}

/* Blocks past the limit go to a file and come back the same. */
static void test_spill(void **state)
{
    struct index small, large;
    struct rng r = rng_new(11, 1);
    struct error e;
    const size_t n = 3 * INDEX_BLOCK + 100;
    (void)state;
    index_init(&small, 1);
    index_init(&large, (size_t)1 << 30);
    for (size_t i = 0; i < n; i++) {
        struct minhash_signature s;
        for (int k = 0; k < MINHASH_PLACES; k++)
            s.place[k] = (uint8_t)rng_below(&r, 256);
        assert_int_equal(index_append(&small, &(struct index_entry){.id = 1}, &s, "/tmp", &e), 0);
        assert_int_equal(index_append(&large, &(struct index_entry){.id = 1}, &s, "/tmp", &e), 0);
    }
    uint32_t *a = test_malloc(n * sizeof *a), *b = test_malloc(n * sizeof *b);
    for (int band = 0; band < MINHASH_BANDS; band += 13) {
        assert_int_equal(index_band(&small, band, a, &e), 0);
        assert_int_equal(index_band(&large, band, b, &e), 0);
        assert_memory_equal(a, b, n * sizeof *a);
    }
    test_free(a);
    test_free(b);
    index_free(&small);
    index_free(&large);
    index_init(&small, INDEX_BLOCK * sizeof(struct index_entry));
    for (size_t i = 0; i < INDEX_BLOCK; i++)
        assert_int_equal(index_append(&small, &(struct index_entry){.id = 1}, NULL, "/nowhere", &e),
                         0);
    assert_int_equal(index_append(&small, &(struct index_entry){.id = 1}, NULL, "/nowhere", &e),
                     -1);
    index_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels),  cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_estimate), cmocka_unit_test(test_sketch),
        cmocka_unit_test(test_spill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
