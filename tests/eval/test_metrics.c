/*
 * Metrics of classifiers, taggers and span finders against values worked out by hand, and against
 * scikit-learn, seqeval and SQuAD's script on random cases (metrics.jsonl, made by metrics.py, or a
 * file that is named).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "eval/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *cases = "tests/eval/metrics.jsonl";

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

/* --- what others say ---------------------------------------------------------------------- */

static double number(const struct json *j, const char *name)
{
    return json_number(json_get(j, name), (double)NAN);
}

static void as_sklearn(const struct json *j)
{
    const size_t n = (size_t)number(j, "classes");
    const struct json *said = json_first(json_get(j, "said"));
    uint64_t c[36] = {0};
    assert_true(n <= 6);
    for (const struct json *t = json_first(json_get(j, "true")); t != NULL; t = json_next(t)) {
        c[(size_t)json_number(t, 0) * n + (size_t)json_number(said, 0)]++;
        said = json_next(said);
    }
    near_to(metrics_accuracy(c, n), number(j, "accuracy"));
    near_to(metrics_macro_f1(c, n), number(j, "macro_f1"));
    near_to(metrics_matthews(c, n), number(j, "matthews"));
}

static void as_squad(const struct json *j)
{
    const struct slice wanted = json_string(json_get(j, "wanted")),
                       said = json_string(json_get(j, "said"));
    struct buf out = BUF;
    metrics_squad_normalise(wanted, &out);
    if (!slice_equal(buf_view(&out), json_string(json_get(j, "normal"))))
        fail_msg("\"%.*s\" became \"%s\"", (int)wanted.len, wanted.data, buf_text(&out));
    assert_int_equal(metrics_squad_exact(said, wanted), (int)number(j, "exact"));
    near_to(metrics_squad_f1(said, wanted), number(j, "f1"));
    buf_free(&out);
}

static void as_seqeval(const struct json *j)
{
    const struct json *said = json_first(json_get(j, "guessed"));
    struct metrics_entities e = {0, 0, 0};
    for (const struct json *s = json_first(json_get(j, "tags")); s != NULL; s = json_next(s)) {
        struct slice a[16], b[16];
        size_t n = 0;
        for (; n < json_count(s) && n < 16; n++) {
            a[n] = json_string(json_at(s, n));
            b[n] = json_string(json_at(said, n));
        }
        metrics_entities_add(&e, a, b, n);
        said = json_next(said);
    }
    near_to(metrics_entities_f1(&e), number(j, "f1"));
    near_to(e.said != 0 ? (double)e.right / (double)e.said : 0, number(j, "precision"));
    near_to(e.wanted != 0 ? (double)e.right / (double)e.wanted : 0, number(j, "recall"));
}

static void test_others(void **state)
{
    struct buf all = BUF;
    struct error error;
    size_t n = 0;
    (void)state;
    if (file_read(cases, &all, &error) != 0)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < all.len; n++) {
        const char *line = all.data + i, *end = memchr(line, '\n', all.len - i);
        const size_t length = end != NULL ? (size_t)(end - line) : all.len - i;
        struct json *j = json_parse((struct slice){line, length}, 0, &error);
        if (j == NULL)
            fail_msg("%s:%zu: %s", cases, n + 1, error.text);
        if (json_get(j, "classes") != NULL)
            as_sklearn(j);
        else if (json_get(j, "tags") != NULL)
            as_seqeval(j);
        else
            as_squad(j);
        json_free(j);
        i += length + 1;
    }
    printf("%zu cases as scikit-learn, seqeval and SQuAD's script have them\n", n);
    assert_true(n >= 100);
    buf_free(&all);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_squad),
        cmocka_unit_test(test_entities),
        cmocka_unit_test(test_others),
    };
    if (argc > 1)
        cases = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
