/* ROUGE-L: known values, and the index against the plain table over all pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/rng.h"
#include "core/rouge.h"

#include <math.h>
#include <string.h>

static void near(double a, double b)
{
    if (fabs(a - b) > 1e-12)
        print_error("%.15g is not %.15g\n", a, b);
    assert_true(fabs(a - b) <= 1e-12);
}

/* Values of the rouge-score package, rougeL fmeasure, use_stemmer=False. */
static void test_values(void **state)
{
    (void)state;
    near(rouge_l(SLICE("the cat sat on the mat"), SLICE("the cat is on the mat")), 5.0 / 6);
    near(rouge_l(SLICE("police killed the gunman"), SLICE("police kill the gunman")), 0.75);
    near(rouge_l(SLICE("police killed the gunman"), SLICE("the gunman kill police")), 0.5);
    near(rouge_l(SLICE("Write, a POEM!"), SLICE("write a poem")), 1);
    near(rouge_l(SLICE(""), SLICE("a")), 0);
    near(rouge_l(SLICE("..."), SLICE("...")), 0);
    near(rouge_l(SLICE("\xe4\xbd\xa0\xe5\xa5\xbd"), SLICE("\xe4\xbd\xa0")), 2.0 / 3);
    assert_int_equal(rouge_word_count(SLICE("one, two\xff three 4")), 4);
}

/* A text of `n` words out of `vocabulary`. */
static void text(struct rng *r, uint32_t n, uint32_t vocabulary, struct buf *out)
{
    buf_clear(out);
    for (uint32_t k = 0; k < n; k++)
        buf_printf(out, "w%u ", rng_below(r, 1 + rng_below(r, vocabulary)));
}

enum { TEXTS = 400, LONGEST = 150 };

/* The plain table, on single-letter words. */
static size_t plain_lcs(const char *a, const char *b)
{
    static size_t table[LONGEST + 1][LONGEST + 1];
    size_t m = strlen(a), n = strlen(b);
    for (size_t i = 1; i <= m; i++)
        for (size_t j = 1; j <= n; j++)
            table[i][j] = a[i - 1] == b[j - 1]                ? table[i - 1][j - 1] + 1
                          : table[i - 1][j] > table[i][j - 1] ? table[i - 1][j]
                                                              : table[i][j - 1];
    return table[m][n];
}

static void test_lcs(void **state)
{
    struct rng r = rng_new(3, 3);
    struct buf x = BUF, y = BUF;
    (void)state;
    for (int k = 0; k < 600; k++) {
        char a[LONGEST + 1], b[LONGEST + 1];
        uint32_t m = 1 + rng_below(&r, LONGEST), n = 1 + rng_below(&r, LONGEST);
        uint32_t letters = 2 + rng_below(&r, 20);
        buf_clear(&x);
        buf_clear(&y);
        for (uint32_t i = 0; i < m; i++)
            buf_printf(&x, "%c ", a[i] = (char)('a' + rng_below(&r, letters)));
        for (uint32_t i = 0; i < n; i++)
            buf_printf(&y, "%c ", b[i] = (char)('a' + rng_below(&r, letters)));
        a[m] = b[n] = '\0';
        near(rouge_l(buf_view(&x), buf_view(&y)), 2.0 * (double)plain_lcs(a, b) / (m + n));
    }
    buf_free(&x);
    buf_free(&y);
}

static void check_index(uint32_t longest, double threshold)
{
    static struct buf kept[TEXTS];
    struct rng r = rng_new(longest, 1);
    struct rouge_index *index = rouge_index_new();
    struct buf query = BUF;
    int found = 0;
    for (size_t k = 0; k < TEXTS; k++) {
        kept[k] = BUF;
        text(&r, rng_below(&r, longest), 30, &kept[k]);
        assert_int_equal(rouge_index_add(index, buf_view(&kept[k])), k);
    }
    for (int k = 0; k < 150; k++) {
        double f, best = 0;
        size_t closest = SIZE_MAX;
        text(&r, rng_below(&r, longest), 32, &query);
        for (size_t i = 0; i < TEXTS; i++) {
            double one = rouge_l(buf_view(&query), buf_view(&kept[i]));
            if (one > threshold && one > best) {
                best = one;
                closest = i;
            }
        }
        assert_int_equal(rouge_index_closest(index, buf_view(&query), threshold, &f), closest);
        near(f, best);
        found += closest != SIZE_MAX;
    }
    assert_true(found > 0 && found < 150);
    for (size_t k = 0; k < TEXTS; k++)
        buf_free(&kept[k]);
    buf_free(&query);
    rouge_index_free(index);
}

static void test_index(void **state)
{
    (void)state;
    check_index(12, 0.7);
    check_index(20, 0.5);
    check_index(90, 0.55); /* longer than a word of the machine */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_lcs),
        cmocka_unit_test(test_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
