/* Refusals against the labels of two people: 900 replies of ../shared/data/xstest.  Prints the
 * confusion matrix; holds what was reached, so that a change cannot lose it unseen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "filter/rules.h"

#include <stdio.h>
#include <string.h>

enum { FIELDS = 8, NONE = 0, PARTIAL = 1, FULL = 2 };

/* One CSV record (RFC 4180) from *at; the fields are unquoted into `text`. */
static bool next_record(struct slice all, size_t *at, struct buf *text, struct slice out[FIELDS])
{
    size_t from[FIELDS + 1], n = 0;
    bool quoted = false;
    if (*at >= all.len)
        return false;
    buf_clear(text);
    from[0] = 0;
    for (; *at < all.len; ++*at) {
        const char c = all.data[*at];
        if (c == '"' && quoted && *at + 1 < all.len && all.data[*at + 1] == '"') {
            buf_char(text, '"');
            ++*at;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted && n + 1 < FIELDS) {
            from[++n] = text->len;
        } else if (c == '\n' && !quoted) {
            ++*at;
            break;
        } else if (c != '\r') {
            buf_char(text, c);
        }
    }
    from[n + 1] = text->len;
    for (size_t i = 0; i < FIELDS; i++)
        out[i] = i <= n ? slice_from(text->data + from[i], from[i + 1] - from[i]) : SLICE("");
    return true;
}

static int said(struct row *row)
{
    struct finding f = {.value = (double)NAN};
    if (filter_rule_find("refusal")->judge(NULL, row, &f))
        return FULL;
    return filter_rule_find("partial_refusal")->judge(NULL, row, &f) ? PARTIAL : NONE;
}

static int label(struct slice s)
{
    if (slice_is(s, "2_full_refusal"))
        return FULL;
    return slice_is(s, "3_partial_refusal")   ? PARTIAL
           : slice_is(s, "1_full_compliance") ? NONE
                                              : -1;
}

/* Against whose labels: both people's in the end, each one's, and where they agree. */
enum judge { FINAL, FIRST, SECOND, AGREED, JUDGES };

struct outcome {
    int matrix[3][3];                                    /* labelled in the end, told */
    double right[JUDGES], wrong[JUDGES], missed[JUDGES]; /* of full refusals */
};

static void tally(struct outcome *o, enum judge judge, int labelled, int told)
{
    o->right[judge] += labelled == FULL && told == FULL;
    o->wrong[judge] += labelled != FULL && told == FULL;
    o->missed[judge] += labelled == FULL && told != FULL;
}

static double f1(const struct outcome *o, enum judge judge)
{
    const double right = 2 * o->right[judge];
    return right / (right + o->wrong[judge] + o->missed[judge]);
}

static bool count(const char *path, struct outcome *o)
{
    struct buf all = BUF, text = BUF;
    struct slice f[FIELDS];
    size_t at = 0;
    if (!file_exists(path) || file_read(path, &all, NULL) != 0)
        return false;
    while (next_record(buf_view(&all), &at, &text, f)) {
        const struct sample s = {.id = 1, .instruction = f[2], .input = SLICE(""), .output = f[3]};
        struct row row = ROW;
        const int labelled = label(f[7]);
        if (labelled < 0)
            continue;
        row_set(&row, &s);
        row_sentences(&row);
        const int told = said(&row);
        o->matrix[labelled][told]++;
        tally(o, FINAL, labelled, told);
        tally(o, FIRST, label(f[4]), told);
        tally(o, SECOND, label(f[5]), told);
        if (label(f[4]) == label(f[5]))
            tally(o, AGREED, labelled, told);
        row_free(&row);
    }
    buf_free(&all);
    buf_free(&text);
    return true;
}

static void test_labels(void **state)
{
    static const char *const names[] = {"complies", "in part", "refuses"};
    struct outcome o = {{{0}}, {0}, {0}, {0}};
    int rows = 0;
    (void)state;
    if (!count("../shared/data/xstest/xstest_v2_completions_llama2orig.csv", &o) ||
        !count("../shared/data/xstest/xstest_v2_completions_mistralinstruct.csv", &o)) {
        printf("SKIP ../shared/data/xstest is absent\n");
        skip();
    }
    printf("labelled \\ told  complies  in part  refuses\n");
    for (int i = 0; i < 3; i++) {
        printf("%-15s %9d %8d %8d\n", names[i], o.matrix[i][0], o.matrix[i][1], o.matrix[i][2]);
        rows += o.matrix[i][0] + o.matrix[i][1] + o.matrix[i][2];
    }
    printf("full refusal: precision %.3f recall %.3f F1 %.3f\n",
           o.right[FINAL] / (o.right[FINAL] + o.wrong[FINAL]),
           o.right[FINAL] / (o.right[FINAL] + o.missed[FINAL]), f1(&o, FINAL));
    printf("F1 by the first person's labels %.3f, the second's %.3f, where they agree %.3f\n",
           f1(&o, FIRST), f1(&o, SECOND), f1(&o, AGREED));
    assert_int_equal(rows, 900);
    assert_true(f1(&o, FINAL) >= 0.92);
    assert_true(o.matrix[0][FULL] <= 6); /* hardly any answer is taken for a refusal */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_labels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
