/*
 * Metrics of classifiers, taggers and span finders against values worked out by hand from the definitions of scikit-learn, seqeval and
 * SQuAD's evaluate-v2.0.py, written down here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "eval/metrics.h"

#include <math.h>
#include <string.h>

static void near_to(double got, double want)
{
    if (!(fabs(got - want) < 1e-9))
        fail_msg("%.12f instead of %.12f", got, want);
}

/* y_true = [0,0,0,1,1,2,2,2,2,1], y_pred = [0,0,1,1,1,2,0,2,2,2] */
static void test_classes(void **state)
{
    static const uint64_t c[] = {2, 1, 0, 0, 2, 1, 1, 0, 3};
    static const uint64_t one[] = {4, 0, 3, 0}; /* everything said to be the first */
    static const uint64_t unseen[] = {2, 0, 0, 0, 0, 0, 0, 0, 3};
    static const uint64_t binary[] = {90, 10, 5, 45};
    (void)state;
    near_to(metrics_accuracy(c, 3), 0.7);
    near_to(metrics_macro_f1(c, 3), (2.0 / 3 + 2.0 / 3 + 0.75) / 3);
    near_to(metrics_matthews(c, 3), (7.0 * 10 - (3 * 3 + 3 * 3 + 4 * 4)) / 66);
    near_to(metrics_macro_f1(one, 2), (8.0 / 11) / 2);
    near_to(metrics_matthews(one, 2), 0);
    near_to(metrics_macro_f1(unseen, 3), 1); /* a class that never occurs does not count */
    near_to(metrics_matthews(binary, 2), (90.0 * 45 - 10.0 * 5) / sqrt(100.0 * 50 * 95 * 55));
}

static void normalises(const char *text, const char *want)
{
    struct buf out = BUF;
    metrics_squad_normalise(slice_of(text), &out);
    if (strcmp(buf_text(&out), want) != 0)
        fail_msg("\"%s\" became \"%s\", not \"%s\"", text, buf_text(&out), want);
    buf_free(&out);
}

static void test_squad(void **state)
{
    (void)state;
    normalises("The  Eiffel Tower.", "eiffel tower");
    normalises("a", "");
    normalises("An apple, the pear; A-team", "apple pear ateam");
    normalises("theme another", "theme another");
    normalises("\xc3\x89t\xc3\xa9 \xe2\x80\x93 the \xe2\x80\x9cone\xe2\x80\x9d",
               "\xc3\xa9t\xc3\xa9 \xe2\x80\x93 \xe2\x80\x9cone\xe2\x80\x9d");
    normalises("U.S.", "us");
    assert_true(metrics_squad_exact(SLICE("the Eiffel tower"), SLICE("Eiffel Tower!")));
    assert_false(metrics_squad_exact(SLICE("Eiffel"), SLICE("Eiffel Tower")));
    near_to(metrics_squad_f1(SLICE("the big Eiffel Tower"), SLICE("Eiffel Tower in Paris")),
            2 * 2.0 / (3 + 4));
    near_to(metrics_squad_f1(SLICE("a a b b"), SLICE("b c")), 2 * 1.0 / (2 + 2));
    near_to(metrics_squad_f1(SLICE(""), SLICE("")), 1);
    near_to(metrics_squad_f1(SLICE("the"), SLICE("")), 1);
    near_to(metrics_squad_f1(SLICE("x"), SLICE("")), 0);
}

static void entities(const char *const *wanted, const char *const *said, size_t n, uint64_t a,
                     uint64_t b, uint64_t right)
{
    struct metrics_entities e = {0, 0, 0};
    struct slice x[16], y[16];
    for (size_t i = 0; i < n; i++) {
        x[i] = slice_of(wanted[i]);
        y[i] = slice_of(said[i]);
    }
    metrics_entities_add(&e, x, y, n);
    assert_int_equal(e.wanted, a);
    assert_int_equal(e.said, b);
    assert_int_equal(e.right, right);
}

static void test_entities(void **state)
{
    struct metrics_entities none = {0, 0, 0}, some = {4, 2, 1};
    (void)state;
    /* seqeval's own example: 1 of 2 */
    entities((const char *const[]){"O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"},
             (const char *const[]){"O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"}, 7, 1, 1,
             0);
    entities((const char *const[]){"B-PER", "I-PER", "O"},
             (const char *const[]){"B-PER", "I-PER", "O"}, 3, 1, 1, 1);
    /* an I behind an O, or of another type, begins an entity */
    entities((const char *const[]){"I-PER", "I-PER", "I-LOC", "B-LOC"},
             (const char *const[]){"B-PER", "I-PER", "B-LOC", "I-LOC"}, 4, 3, 2, 1);
    /* E ends, S stands alone */
    entities((const char *const[]){"B-X", "I-X", "E-X", "S-Y", "S-Y"},
             (const char *const[]){"B-X", "I-X", "I-X", "B-Y", "B-Y"}, 5, 3, 3, 3);
    entities((const char *const[]){"B-X", "E-X", "I-X", "I-X"},
             (const char *const[]){"B-X", "I-X", "B-X", "I-X"}, 4, 2, 2, 2);
    near_to(metrics_entities_f1(&none), 0);
    near_to(metrics_entities_f1(&some), 2.0 / 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_squad),
        cmocka_unit_test(test_entities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
