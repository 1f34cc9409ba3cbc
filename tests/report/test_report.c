/* The report: what rows hold stays text, numbers read well, and any dataset gives a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/json.h"
#include "corpus/runs.h"
#include "corpus/samples.h"
#include "corpus/verdicts.h"
#include "report/chart.h"
#include "report/curves.h"
#include "report/html.h"
#include "report/number.h"
#include "report/report.h"
#include "report/survey.h"

#include "tests/corpus/scratch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void text_becomes(struct slice in, const char *want)
{
    struct buf out = BUF;
    html_text(&out, in);
    assert_string_equal(buf_text(&out), want);
    buf_free(&out);
}

static void test_html(void **state)
{
    struct buf out = BUF;
    struct json *tree = json_new_array();
    struct json *back;
    (void)state;
    text_becomes(SLICE("</script><a href=\"x\" b='y'>&amp;"),
                 "&lt;/script&gt;&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
    text_becomes(SLICE("a\0b\x01\r\nc\t\x7F"), "a\xEF\xBF\xBD"
                                               "b\xEF\xBF\xBD\n\nc\t\xEF\xBF\xBD");
    text_becomes(SLICE("\xC3\xA9\xFFz"), "\xC3\xA9\xEF\xBF\xBDz");
    json_push(tree, json_new_string(SLICE("</script><!--&\"\0")));
    html_json(&out, tree);
    assert_null(strpbrk(buf_text(&out), "<>&"));
    back = json_parse(buf_view(&out), 0, NULL);
    assert_true(json_equal(tree, back));
    json_free(tree);
    json_free(back);
    buf_free(&out);
}

static void says(void (*write)(struct buf *, double), double x, const char *want)
{
    struct buf out = BUF;
    write(&out, x);
    assert_string_equal(buf_text(&out), want);
    buf_free(&out);
}

static void whole(struct buf *out, double x)
{
    number_whole(out, (int64_t)x);
}

static void percent(struct buf *out, double x)
{
    number_percent(out, x, 200);
}

static void test_numbers(void **state)
{
    (void)state;
    says(whole, 0, "0");
    says(whole, 999, "999");
    says(whole, 1204331, "1,204,331");
    says(whole, -1000,
         "\xE2\x88\x92"
         "1,000");
    says(number_short, 0.25, "0.25");
    says(number_short, 12, "12");
    says(number_short, 999.6, "1.0k");
    says(number_short, 1234567, "1.2M");
    says(number_short, -4500, "-4.5k");
    says(percent, 0, "0 %");
    says(percent, 1, "0.5 %");
    says(percent, 100, "50 %");
    says(percent, 199, "99.5 %");
    says(number_seconds, 0.0124, "12 ms");
    says(number_seconds, 125, "2 min 05 s");
    says(number_seconds, 12000, "3 h 20 min");
    says(number_usd, 0.0031, "$0.0031");
    says(number_usd, 12.5, "$12.50");
    assert_true(number_step(100, 4) == 50 && number_step(0.3, 4) > 0.09);
    assert_true(number_step(0, 4) == 1);
}

static size_t count(const struct buf *page, const char *word)
{
    size_t n = 0;
    for (const char *p = buf_text(page); (p = strstr(p, word)) != NULL; p++)
        n++;
    return n;
}

static struct corpus *make(void **state)
{
    struct error e = {0};
    struct corpus *c = corpus_open(scratch_path(state, "r.db"), CORPUS_CREATE, &e);
    if (c == NULL)
        fail_msg("%s", e.text);
    return c;
}

static void write_page(struct corpus *c, size_t rows, struct buf *page)
{
    struct error e = {0};
    struct report_options o = {.rows = rows};
    buf_clear(page);
    if (report_html(c, &o, NULL, page, &e) != 0)
        fail_msg("%s", e.text);
    /* One document, two scripts at most, nothing from elsewhere. */
    assert_int_equal(count(page, "</html>"), 1);
    assert_true(count(page, "<script") <= 2);
    assert_int_equal(count(page, "<script"), count(page, "</script>"));
    assert_int_equal(count(page, " src="), 0);
    assert_int_equal(count(page, "href="), 0);
    assert_int_equal(count(page, "url("), 0);
    assert_int_equal(count(page, "@import"), 0);
    assert_int_equal(count(page, "default-src 'none'"), 1);
    assert_int_equal(count(page, "nan"), 0);
    assert_int_equal(count(page, "<section"), count(page, "</section>"));
}

static void test_empty(void **state)
{
    struct corpus *c = make(state);
    struct buf page = BUF;
    write_page(c, 0, &page);
    assert_int_equal(count(&page, "<script"), 1);
    buf_free(&page);
    corpus_close(c);
}

#define EVIL "</script><script>alert(1)</script><!--<img/src=x onerror=alert(2)>'\"&"

static void test_hostile(void **state)
{
    struct error e = {0};
    struct corpus *c = make(state);
    struct buf page = BUF;
    struct sample s = {.name = SLICE(EVIL "name"),
                       .source = SLICE(EVIL),
                       .system = SLICE(EVIL),
                       .instruction = SLICE(EVIL),
                       .input = SLICE("\0" EVIL),
                       .output = SLICE("\xFF\xFE" EVIL),
                       .reasoning = SLICE(EVIL),
                       .messages = SLICE("[{\"role\":\"user\",\"content\":\""
                                         "</script>"
                                         "\"}]"),
                       .finish_reason = SLICE(EVIL),
                       .meta = SLICE("{\"</script>\":\"<b>\"}")};
    struct verdict v = {.rule = EVIL "rule",
                        .version = 1,
                        .action = VERDICT_REMOVE,
                        .value = 1,
                        .threshold = (double)NAN,
                        .similarity = (double)NAN,
                        .field = "instruction",
                        .span_to = 9,
                        .why = SLICE(EVIL)};
    int64_t run;
    assert_int_equal(samples_add(c, &s, &e), 1);
    v.sample_id = s.id;
    assert_int_equal(verdicts_put(c, &v, &e), 0);
    assert_int_equal(scores_put(c, s.id, EVIL, 1, 0.5, &e), 0);
    run = runs_start(c, EVIL, "{\"</script>\":1}", NULL, &e);
    assert_int_equal(runs_checkpoint(c, run, 1, "/nowhere/" EVIL, "{\"</script>\":1,\"loss\":2}",
                                     &e),
                     0);
    assert_int_equal(runs_evaluation(c, run, EVIL, EVIL,
                                     "{\"</script>\":{\"accuracy\":0.5,\"low\":0.4,\"high\":0.6}}",
                                     &e),
                     0);
    assert_int_equal(runs_evaluation(c, run, "m", "s", "no JSON", &e), 0);
    assert_int_equal(runs_end(c, run, EVIL, NULL, &e), 0);
    write_page(c, 0, &page);
    assert_int_equal(count(&page, "<img"), 0);
    assert_int_equal(count(&page, "<script>alert"), 0);
    assert_int_equal(count(&page, "<b>\""), 0);
    assert_int_equal(count(&page, "<!--"), 0);
    assert_true(count(&page, "&lt;/script&gt;") > 5);
    buf_free(&page);
    corpus_close(c);
}

static void test_many_rows(void **state)
{
    struct error e = {0};
    struct corpus *c = make(state);
    struct buf page = BUF;
    struct survey survey;
    size_t removed = 0;
    assert_int_equal(corpus_begin(c, &e), 0);
    for (int i = 0; i < 3000; i++) {
        char text[64];
        struct sample s = {.source = SLICE("f"), .output = SLICE("a")};
        struct verdict v = {.rule = "short",
                            .version = 1,
                            .action = VERDICT_REMOVE,
                            .value = 1,
                            .threshold = 2,
                            .similarity = (double)NAN};
        (void)snprintf(text, sizeof text, "question %0*d", i % 40 + 1, i);
        s.instruction = slice_of(text);
        samples_add(c, &s, &e);
        v.sample_id = s.id;
        if (i % 10 == 0)
            verdicts_put(c, &v, &e);
        scores_put(c, s.id, "judge", 1, sin(i), &e);
    }
    assert_int_equal(corpus_commit(c, &e), 0);
    assert_int_equal(survey_run(c, 100, NULL, &survey, &e), 0);
    assert_int_equal(survey.total, 3000);
    assert_int_equal(survey.kept, 2700);
    assert_int_equal(survey.n_chosen, 100);
    for (size_t i = 0; i < survey.n_chosen; i++) {
        removed += (survey.chosen[i] - 1) % 10 == 0;
        assert_true(i == 0 || survey.chosen[i] > survey.chosen[i - 1]);
    }
    assert_int_equal(removed, 50);
    survey_clear(&survey);
    write_page(c, 100, &page);
    assert_true(page.len < 200000);
    assert_int_equal(count(&page, "\"verdicts\":"), 100);
    assert_int_equal(count(&page, "<h2>"), 5);
    buf_free(&page);
    corpus_close(c);
}

static void test_curves(void **state)
{
    struct error e = {0};
    struct curves c = {0};
    struct buf out = BUF;
    struct chart_series s;
    const char *folder = scratch_path(state, "student/checkpoint-2");
    assert_int_equal(file_make_dir(folder, &e), 0);
    assert_false(curves_read(&c, folder));
    assert_int_equal(file_replace(scratch_path(state, "student/metrics.jsonl"),
                                  SLICE("{\"step\":1,\"loss\":2.5,\"tokens_per_s\":10}\n"
                                        "broken\n{\"step\":2,\"loss\":null}\n"
                                        "{\"step\":2,\"held_out_loss\":2}\n"),
                                  &e),
                     0);
    assert_true(curves_read(&c, folder));
    assert_int_equal(c.loss.n, 1);
    assert_int_equal(c.held_out.n, 1);
    assert_true(c.held_out.x[0] == 2 && c.held_out.y[0] == 2);
    s = (struct chart_series){"<one>", c.loss.x, c.loss.y, c.loss.n};
    chart_lines(&out, "a & b", "step", &s, 1);
    assert_non_null(strstr(buf_text(&out), "a &amp; b"));
    assert_non_null(strstr(buf_text(&out), "&lt;one&gt;"));
    assert_null(strstr(buf_text(&out), "nan"));
    assert_null(strstr(buf_text(&out), "inf"));
    buf_clear(&out);
    s.n = 0;
    chart_lines(&out, "nothing", "step", &s, 1);
    assert_int_equal(out.len, 0);
    buf_free(&out);
    curves_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html), cmocka_unit_test(test_numbers), scratch_test(test_empty),
        scratch_test(test_hostile),  scratch_test(test_many_rows),   scratch_test(test_curves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
