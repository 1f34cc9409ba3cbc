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

static bool count(const char *path, int matrix[3][3])
{
    struct buf all = BUF, text = BUF;
    struct slice f[FIELDS];
    size_t at = 0;
    if (!file_exists(path) || file_read(path, &all, NULL) != 0)
        return false;
    while (next_record(buf_view(&all), &at, &text, f)) {
        const struct sample s = {.id = 1, .instruction = f[2], .input = SLICE(""), .output = f[3]};
        struct row row = ROW;
        if (label(f[7]) < 0)
            continue;
        row_set(&row, &s);
        row_sentences(&row);
        matrix[label(f[7])][said(&row)]++;
        row_free(&row);
    }
    buf_free(&all);
    buf_free(&text);
    return true;
}

static void test_labels(void **state)
{
    static const char *const names[] = {"complies", "in part", "refuses"};
    int m[3][3] = {{0}};
    (void)state;
    if (!count("../shared/data/xstest/xstest_v2_completions_llama2orig.csv", m) ||
        !count("../shared/data/xstest/xstest_v2_completions_mistralinstruct.csv", m)) {
        printf("SKIP ../shared/data/xstest is absent\n");
        skip();
    }
    printf("labelled \\ told  complies  in part  refuses\n");
    for (int i = 0; i < 3; i++)
        printf("%-15s %9d %8d %8d\n", names[i], m[i][0], m[i][1], m[i][2]);
    const double wrong = m[0][FULL] + m[1][FULL], missed = m[FULL][0] + m[FULL][1],
                 right = m[FULL][FULL];
    const double f1 = 2 * right / (2 * right + wrong + missed);
    printf("full refusal: precision %.3f recall %.3f F1 %.3f\n", right / (right + wrong),
           right / (right + missed), f1);
    assert_int_equal(m[0][0] + m[0][1] + m[0][2] + m[1][0] + m[1][1] + m[1][2] + m[2][0] + m[2][1] +
                         m[2][2],
                     900);
    assert_true(f1 >= 0.91);
    assert_true(m[0][FULL] <= 6); /* hardly any answer is taken for a refusal */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_labels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
