/* Shingles: the definition, and every kernel against a slow oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/rng.h"
#include "core/unicode.h"
#include "filter/letters.h"
#include "filter/shingle.h"
#include "filter/wordhash.h"
#include "tests/filter/plain_sets.h"

#include <stdlib.h>

static size_t count(struct shingler *s, const char *text)
{
    shingle_start(s);
    shingle_add(s, slice_of(text));
    shingle_end(s);
    plain_set(s);
    return s->n;
}

static double alike(const char *a, const char *b)
{
    struct shingler x, y;
    shingle_init(&x, NULL);
    shingle_init(&y, NULL);
    count(&x, a);
    count(&y, b);
    const double j = plain_jaccard(&x, &y);
    shingle_free(&x);
    shingle_free(&y);
    return j;
}

static void test_definition(void **state)
{
    struct shingler s;
    (void)state;
    shingle_init(&s, NULL);
    assert_int_equal(count(&s, "What is 12 + 5?"), 2);
    assert_int_equal(count(&s, "我爱北京"), 3);
    assert_int_equal(count(&s, "我"), 1);
    assert_int_equal(count(&s, "ab"), 1);
    assert_int_equal(count(&s, "用 Python 写代码"), 4);
    assert_int_equal(count(&s, "สวัสดี"), 5); /* Thai: characters, marks included */
    assert_int_equal(count(&s, "한국어 문장 입니다"), 1);
    assert_int_equal(count(&s, ""), 0);
    assert_int_equal(count(&s, " \n\t"), 0);
    assert_int_equal(count(&s, "?!"), 1);
    assert_int_equal(count(&s, "\xF0\x9F\x91\x8D"), 1);
    shingle_free(&s);
}

static void test_jaccard(void **state)
{
    (void)state;
    assert_true(alike("What is 12 + 5?", "what IS 12  5") > 0.999999);
    assert_true(alike("What is 12 + 5?", "What is 12 + 7?") > 0.333333);
    assert_true(alike("What is 12 + 5?", "What is 12 + 7?") < 0.333334);
    assert_true(alike("ＡＢＣ　ｄｅｆ １２", "abc def 12") > 0.999999);
    assert_true(alike("ÜBER den Wolken", "über den wolken") > 0.999999);
    assert_true(alike("?", "!") < 0.000001);
    assert_true(alike("我爱，北京", "我爱北京") < 0.7);
    assert_true(alike("", "") > 0.999999);
}

/* ---- the oracle: code point by code point, nothing shared with the fast path but the hashes */

struct oracle {
    uint64_t out[4096], run[4096];
    size_t n, words;
    uint32_t characters[4096];
    size_t n_characters;
};

static void flush_words(struct oracle *o)
{
    if (o->words == 1)
        o->out[o->n++] = wordhash_one(o->run[0]);
    else if (o->words == 2)
        o->out[o->n++] = wordhash_two(o->run[0], o->run[1]);
    for (size_t i = 0; i + 2 < o->words; i++)
        o->out[o->n++] = wordhash_three(o->run[i], o->run[i + 1], o->run[i + 2]);
    o->words = 0;
}

static void flush_characters(struct oracle *o)
{
    if (o->n_characters == 1)
        o->out[o->n++] = wordhash_characters(o->characters[0], 0);
    for (size_t i = 0; i + 1 < o->n_characters; i++)
        o->out[o->n++] = wordhash_characters(o->characters[i], o->characters[i + 1]);
    o->n_characters = 0;
}

static void end_word(struct oracle *o, struct buf *word)
{
    if (word->len == 0)
        return;
    flush_characters(o);
    for (size_t i = 0; i < word->len; i++)
        if (word->data[i] == '_')
            word->data[i] = 0x7F;
    o->run[o->words++] = wordhash_bytes((unsigned char *)word->data, word->len);
    buf_clear(word);
}

static void oracle_add(struct oracle *o, const char *p, size_t n)
{
    struct buf word = BUF;
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        const size_t len = utf8_decode(p + i, n - i, &c);
        const uint32_t letter = len > 0 ? letters_of(c) : 0;
        if (letter & LETTER_WORD) {
            buf_utf8(&word, letter & LETTER_CODE);
        } else {
            end_word(o, &word);
            if (letter & LETTER_BIGRAM) {
                flush_words(o);
                o->characters[o->n_characters++] = letter & LETTER_CODE;
            } else {
                flush_characters(o);
            }
        }
        i += len > 0 ? len : 1;
    }
    end_word(o, &word);
    flush_characters(o);
    buf_free(&word);
}

static void random_text(struct rng *r, struct buf *b)
{
    static const char *const parts[] = {"a",        "Zebra",
                                        "the",      "x_1",
                                        "café",     "ÜBER",
                                        "我",       "北京",
                                        "12",       "3.5",
                                        " ",        " ",
                                        " ",        ".",
                                        ",\n",      "’",
                                        "\xC3",     "\xFF",
                                        "ส",        "日本",
                                        "　",       "internationalisation",
                                        "ｆｕｌｌ", "\xE4\xB8",
                                        "-",        "antidisestablish",
                                        "éàü",      "Ж",
                                        "اللغة",    "한글",
                                        "0",        "_"};
    const uint32_t n = rng_below(r, 60);
    buf_clear(b);
    for (uint32_t i = 0; i < n; i++)
        buf_str(b, parts[rng_below(r, sizeof parts / sizeof *parts)]);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void check_kernel(const struct words_kernel *k)
{
    struct rng r = rng_new(7, 1);
    struct buf b[2] = {BUF, BUF};
    struct shingler s;
    shingle_init(&s, k);
    for (int round = 0; round < 3000; round++) {
        struct oracle o = {.n = 0};
        shingle_start(&s);
        for (int i = 0; i < 2; i++) {
            random_text(&r, &b[i]);
            shingle_add(&s, buf_view(&b[i]));
            oracle_add(&o, buf_text(&b[i]), b[i].len);
        }
        flush_words(&o);
        shingle_end(&s);
        if (o.n == 0)
            continue; /* text that stands for itself */
        qsort(o.out, o.n, sizeof *o.out, by_value);
        size_t kept = 0;
        for (size_t i = 0; i < o.n; i++)
            if (kept == 0 || o.out[i] != o.out[kept - 1])
                o.out[kept++] = o.out[i];
        plain_set(&s);
        assert_int_equal(s.n, kept);
        assert_memory_equal(s.items, o.out, kept * sizeof *o.out);
    }
    shingle_free(&s);
    buf_free(&b[0]);
    buf_free(&b[1]);
}

static void test_kernels(void **state)
{
    (void)state;
    for (const struct words_kernel *k = words_kernels; k->name != NULL; k++)
        if (k->usable())
            check_kernel(k);
}

/* Words longer than any buffer, and texts of many blocks. */
static void test_long(void **state)
{
    struct shingler s;
    struct buf b = BUF;
    (void)state;
    shingle_init(&s, NULL);
    for (int i = 0; i < 5000; i++)
        buf_str(&b, "é");
    buf_str(&b, " x ");
    for (int i = 0; i < 100000; i++)
        buf_char(&b, 'a');
    assert_int_equal(count(&s, buf_text(&b)), 1);
    buf_clear(&b);
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "w%d ", i);
    assert_int_equal(count(&s, buf_text(&b)), 998);
    buf_free(&b);
    shingle_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_jaccard),
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
