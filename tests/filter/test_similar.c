/* Copies, variants, other answers; tokens and their kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/rng.h"
#include "filter/similar.h"
#include "filter/special.h"
#include "tests/filter/plain_sets.h"

#include <math.h>
#include <stdio.h>

struct text {
    const char *prompt, *output;
};

static void prepare(struct similar_text *t, struct similar_scratch *s, struct text text)
{
    const struct similar_row row = {.prompt = {slice_of(text.prompt)},
                                    .n_prompt = text.prompt[0] != '\0',
                                    .output = slice_of(text.output)};
    similar_shingles(t, s, SIMILAR_ALL, &row);
    similar_tokens(t, s, &row);
}

static struct similar_result compare(const struct similar_text *x, const struct similar_text *y,
                                     double threshold)
{
    struct similar_result r;
    similar_measure(x, y, SIMILAR_ALL, threshold, &r);
    if (r.kind == SIMILAR_DUPLICATE)
        similar_tell(x, y, SIMILAR_ALL, &r);
    return r;
}

static struct similar_result judge(struct text a, struct text b, double threshold)
{
    struct similar_scratch s;
    struct similar_text x, y;
    struct similar_result forth, back;
    similar_open(&s);
    prepare(&x, &s, a);
    prepare(&y, &s, b);
    forth = compare(&x, &y, threshold);
    back = compare(&y, &x, threshold);
    assert_int_equal(forth.kind, back.kind); /* symmetric */
    similar_close(&s);
    return forth;
}

#define LONG                                                                                       \
    " The committee met in the old town hall and spoke about the new bridge over the river. Many " \
    "people came to listen and some of them asked why it had taken so long to build the thing."

static void expect_kind(struct text a, struct text b, enum similar_kind kind, const char *why)
{
    const struct similar_result r = judge(a, b, 0.6);
    if (r.kind != kind)
        fail_msg("\"%.60s\" / \"%.60s\": kind %d (%s), not %d; all %.3f output %.3f prompt %.3f",
                 a.prompt, b.prompt, r.kind, r.why ? r.why : "-", kind, r.all, r.output, r.prompt);
    if (why != NULL)
        assert_string_equal(r.why, why);
}

/* Texts of few words, so that runs of any length begin, end and meet. */
static void odd_text(struct rng *r, char *to, size_t cap)
{
    static const char *const pieces[] = {"a ",   "of ",  "bridge ", "Bridge. ", "7 ",
                                         "长",   "城 ",  "ไทย ",    "?! ",      "\n",
                                         "été ", "x-y ", "\xFF",    "🙂 "};
    size_t n = rng_below(r, 9), at = 0;
    to[0] = '\0';
    while (n-- > 0)
        at += (size_t)snprintf(to + at, cap - at, "%s", pieces[rng_below(r, 14)]);
}

static void set_of(struct shingler *s, const char *first, const char *second)
{
    shingle_init(s, NULL);
    shingle_start(s);
    shingle_add(s, slice_of(first));
    shingle_add(s, slice_of(second));
    shingle_end(s);
    plain_set(s);
}

static double plainly(const char *const a[2], const char *const b[2])
{
    struct shingler x, y;
    set_of(&x, a[0], a[1]);
    set_of(&y, b[0], b[1]);
    const double j = plain_jaccard(&x, &y);
    shingle_free(&x);
    shingle_free(&y);
    return j;
}

/* The shingles of output and whole, which are made together, are those that each has by itself. */
static void test_sets(void **state)
{
    struct rng r = rng_new(11, 3);
    struct similar_scratch s;
    char text[4][128];
    (void)state;
    similar_open(&s);
    for (int round = 0; round < 20000; round++) {
        struct similar_text x, y;
        struct similar_result got;
        for (int i = 0; i < 4; i++)
            odd_text(&r, text[i], sizeof text[i]);
        prepare(&x, &s, (struct text){text[0], text[1]});
        prepare(&y, &s, (struct text){text[2], text[3]});
        similar_measure(&x, &y, SIMILAR_ALL, 1e-9, &got);
        const double whole = plainly((const char *const[]){text[0], text[1]},
                                     (const char *const[]){text[2], text[3]});
        const double output =
            plainly((const char *const[]){text[1], ""}, (const char *const[]){text[3], ""});
        if (fabs(got.all - whole) > 0 || fabs(got.output - output) > 0)
            fail_msg("\"%s\" \"%s\" / \"%s\" \"%s\": %g, %g, not %g, %g", text[0], text[1], text[2],
                     text[3], got.all, got.output, whole, output);
        similar_reset(&s);
    }
    similar_close(&s);
}

static void test_duplicates(void **state)
{
    (void)state;
    expect_kind((struct text){"Tell me about the bridge.", "Sure." LONG},
                (struct text){"Tell me about the bridge!", "sure," LONG}, SIMILAR_DUPLICATE, NULL);
    expect_kind((struct text){"Tell me about the bridge.", "Sure." LONG},
                (struct text){"Please tell me about the bridge.", "Well." LONG}, SIMILAR_DUPLICATE,
                NULL);
    /* a number on one side only, an edited word, sentences in another order */
    expect_kind((struct text){"Tell me about the bridge.", "In 1920." LONG},
                (struct text){"Tell me about the bridge.", "Once." LONG}, SIMILAR_DUPLICATE, NULL);
    expect_kind(
        (struct text){"", "One two three four five six. Seven eight nine ten eleven twelve." LONG},
        (struct text){"", "Seven eight nine ten eleven twelve. One two three four five six." LONG},
        SIMILAR_DUPLICATE, NULL);
    expect_kind((struct text){"我们在北京大学学习计算机科学已经三年了，请介绍一下。",
                              "好的，我来介绍一下北京大学的计算机科学专业。"},
                (struct text){"我们在北京大学学习计算机科学已经三年了，请介绍一下！",
                              "好的，我来介绍一下北京大学的计算机科学专业了。"},
                SIMILAR_DUPLICATE, NULL);
}

static void test_variants(void **state)
{
    (void)state;
    expect_kind((struct text){"A train drives 60 miles in 2 hours." LONG,
                              "It is 30 miles an hour as we see."},
                (struct text){"A train drives 90 miles in 3 hours." LONG,
                              "It is 30 miles an hour as we see."},
                SIMILAR_VARIANT, "number");
    expect_kind((struct text){"Add 8 apples to 18 pears." LONG,
                              "There are 26 of them in the basket now."},
                (struct text){"Add 18 apples to 8 pears." LONG,
                              "There are 26 of them in the basket now."},
                SIMILAR_VARIANT, "number");
    expect_kind((struct text){"Explain why one should eat meat." LONG,
                              "There are several reasons for this."},
                (struct text){"Explain why one should not eat meat." LONG,
                              "There are several reasons for this."},
                SIMILAR_VARIANT, "negation");
    expect_kind((struct text){"What is a + b when both are large?" LONG,
                              "It depends on the two of them."},
                (struct text){"What is a * b when both are large?" LONG,
                              "It depends on the two of them."},
                SIMILAR_VARIANT, "operator");
    expect_kind((struct text){"Who won the battle near Hastings then?" LONG,
                              "We should look it up in a book."},
                (struct text){"Who won the battle near Waterloo then?" LONG,
                              "We should look it up in a book."},
                SIMILAR_VARIANT, "name");
    expect_kind(
        (struct text){
            "Describe the background of it." LONG,
            "Of course, and gladly so. Here is the background as you asked me some time ago."},
        (struct text){
            "Describe the companies of it." LONG,
            "Of course, and gladly so. Here is the companies as you asked me some time ago."},
        SIMILAR_VARIANT, "subject");
    expect_kind((struct text){"他有三本书和一些苹果，请问他一共有多少本书？请写出过程。",
                              "他一共有三本书，因为苹果不是书，所以不算在里面。"},
                (struct text){"他有九本书和一些苹果，请问他一共有多少本书？请写出过程。",
                              "他一共有九本书，因为苹果不是书，所以不算在里面。"},
                SIMILAR_VARIANT, "number");
}

static void test_other(void **state)
{
    (void)state;
    expect_kind((struct text){"Summarise." LONG LONG, "A bridge."},
                (struct text){"Summarise." LONG LONG, "They met."}, SIMILAR_OTHER_OUTPUT, NULL);
    expect_kind((struct text){"Which words are long here?", "Bridge." LONG},
                (struct text){"Tell a story", "Bridge." LONG}, SIMILAR_OTHER_PROMPT, NULL);
    expect_kind((struct text){"a b c d", "e f g h"}, (struct text){"a b c d", "i j k l"},
                SIMILAR_LOW, NULL);
}

/* Format alone (a bullet, a hyphen) makes no variant: those marks stand between no operands. */
static void test_marks(void **state)
{
    (void)state;
    expect_kind((struct text){"List them.", "- one thing to do\n- well-known people" LONG},
                (struct text){"List them.", "* one thing to do\n* well known people" LONG},
                SIMILAR_DUPLICATE, NULL);
}

static void test_kinds(void **state)
{
    struct tokens t = {NULL, 0, 0};
    (void)state;
    assert_int_equal(special_lost(), 0);
    tokens_add(&t, SLICE("He met Anna at 5 pm, not Bob; x + y isn't seven. Then 我不"));
    const uint32_t name = t.items[2].kind, number = t.items[4].kind, first = t.items[0].kind;
    assert_true(name & TOKEN_NAME);
    assert_true(number & TOKEN_NUMBER);
    assert_false(first & TOKEN_NAME);
    size_t operators = 0, negations = 0, words = 0;
    for (size_t i = 0; i < t.n; i++) {
        operators += (t.items[i].kind & TOKEN_OPERATOR) != 0;
        negations += (t.items[i].kind & TOKEN_NEGATION) != 0;
        words += (t.items[i].kind & TOKEN_NUMBER_WORD) != 0;
    }
    assert_int_equal(operators, 1);
    assert_int_equal(negations, 3); /* not, isn, 不 */
    assert_int_equal(words, 1);
    tokens_release(&t);
}

/* A word that fills what is looked at in one go, and words that lie across its end. */
static void test_long_tokens(void **state)
{
    struct buf b = BUF;
    struct tokens t = {NULL, 0, 0};
    (void)state;
    for (int i = 0; i < 3000; i++)
        buf_printf(&b, "w%04d ", i);
    for (int i = 0; i < 5000; i++)
        buf_char(&b, 'x');
    buf_str(&b, " 5 - 3");
    tokens_add(&t, buf_view(&b));
    assert_int_equal(t.n, 3000 + 1 + 3);
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(t.items[i].rest, 6 * i);
    assert_int_equal(t.items[3002].kind, TOKEN_OPERATOR);
    tokens_release(&t);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_variants),    cmocka_unit_test(test_other),
        cmocka_unit_test(test_marks),       cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_long_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
