/*
 * Labelled rows: the forms of GLUE, SQuAD and CoNLL as they are, and one clear line for each way in
 * which they can be broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "corpus/labelled.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef int reader(struct labelled_set *, struct slice, const char *, struct error *);

static void reads(struct labelled_set *s, enum labelled_task task, reader *read, const char *text)
{
    struct error error;
    labelled_open(s, task, NULL, 0);
    if (read(s, slice_of(text), "file", &error) != 0 || labelled_finish(s, "file", &error) != 0)
        fail_msg("%s", error.text);
}

static void refused(enum labelled_task task, reader *read, const char *text, const char *words)
{
    static const char *const labels[] = {"0", "1"};
    struct labelled_set s;
    struct error error;
    int status;
    labelled_open(&s, task, labels, task == LABELLED_CLASSIFY ? 2 : 0);
    status = read(&s, slice_of(text), "file", &error);
    if (status == 0)
        status = labelled_finish(&s, "file", &error);
    assert_int_equal(status, -1);
    if (strstr(error.text, words) == NULL || strchr(error.text, '\n') != NULL)
        fail_msg("%s", error.text);
    labelled_close(&s);
}

static const struct labelled *with(const struct labelled_set *s, const char *text)
{
    for (size_t i = 0; i < s->n; i++)
        if (slice_is(s->items[i].text, text))
            return &s->items[i];
    fail_msg("no row \"%s\"", text);
    return NULL;
}

static void test_tsv(void **state)
{
    struct labelled_set s;
    (void)state;
    reads(&s, LABELLED_CLASSIFY, labelled_tsv,
          "sentence\tlabel\nhide new secretions\t0\r\na smile\t1\n\nno end\t0");
    assert_int_equal(s.n, 3);
    assert_int_equal(s.n_labels, 2);
    assert_int_equal(with(&s, "a smile")->label, 1);
    assert_null(with(&s, "a smile")->pair.data);
    labelled_close(&s);
    reads(&s, LABELLED_CLASSIFY, labelled_tsv,
          "index\tsentence1\tsentence2\tlabel1\tgold_label\n"
          "0\tA man sleeps.\tHe rests.\tx\tneutral\n1\tB\tC\tx\t-\n2\tB\tD\tx\tentailment\n");
    assert_int_equal(s.n, 2);
    assert_int_equal(s.left_out, 1);
    assert_true(slice_is(s.labels[0], "entailment")); /* sorted */
    assert_int_equal(with(&s, "A man sleeps.")->label, 1);
    assert_true(slice_is(with(&s, "A man sleeps.")->pair, "He rests."));
    labelled_close(&s);
    reads(&s, LABELLED_CLASSIFY, labelled_tsv, "good\tyes\nbad\tno\n");
    assert_int_equal(s.n, 2);
    labelled_close(&s);
    refused(LABELLED_CLASSIFY, labelled_tsv, "a\tb\tc\td\nx\ty\tz\tw\n",
            "file:1: expected a header");
    refused(LABELLED_CLASSIFY, labelled_tsv, "sentence\tlabel\ngood\t1\nbad\n",
            "file:3: 1 columns");
    refused(LABELLED_CLASSIFY, labelled_tsv, "good\t1\nbad\tmaybe\n", "file:2: label \"maybe\"");
    refused(LABELLED_CLASSIFY, labelled_tsv, "good\t\nbad\t1\n", "file:1: an empty label");
    refused(LABELLED_CLASSIFY, labelled_tsv, "sentence\tlabel\n", "no labelled rows");
}

static void test_jsonl(void **state)
{
    static const char *const labels[] = {"no", "yes"};
    struct labelled_set s;
    struct error error;
    (void)state;
    labelled_open(&s, LABELLED_CLASSIFY, labels, 2);
    assert_int_equal(labelled_jsonl(&s,
                                    SLICE("{\"text\":\"a\",\"label\":\"yes\",\"probabilities\":"
                                          "{\"yes\":0.6,\"no\":0.2}}\n{\"premise\":\"b\","
                                          "\"hypothesis\":\"c\",\"label\":\"no\"}\n"),
                                    "file", &error),
                     0);
    assert_int_equal(labelled_finish(&s, "file", &error), 0);
    assert_int_equal(s.soft, 1);
    assert_true(fabs((double)with(&s, "a")->soft[1] - 0.75) < 1e-6);
    assert_null(with(&s, "b")->soft);
    labelled_close(&s);
    refused(LABELLED_CLASSIFY, labelled_jsonl, "{\"text\":\"a\"}\n", "file:1: no \"label\"");
    refused(LABELLED_CLASSIFY, labelled_jsonl, "{\"label\":1}\n", "file:1: no text");
    refused(LABELLED_CLASSIFY, labelled_jsonl, "{\"text\":\"a\",\"label\":2}\n", "label \"2\"");
    refused(LABELLED_CLASSIFY, labelled_jsonl,
            "{\"text\":\"a\",\"label\":1,\"probabilities\":{\"1\":-1}}\n", "no probability");
    refused(LABELLED_CLASSIFY, labelled_jsonl,
            "{\"text\":\"a\",\"label\":1,\"probabilities\":{\"1\":0}}\n", "all zero");
    refused(LABELLED_CLASSIFY, labelled_jsonl, "{\"text\":\n", "file:1");
}

#define SQUAD(context, qas)                                                                        \
    "{\"version\":\"v2\",\"data\":[{\"title\":\"t\",\"paragraphs\":[{\"context\":\"" context       \
    "\",\"qas\":[" qas "]}]}]}"

static void test_squad(void **state)
{
    struct labelled_set s;
    const struct labelled *x;
    (void)state;
    reads(&s, LABELLED_ANSWER, labelled_squad,
          SQUAD("Caf\xc3\xa9 Zo\xc3\xab lies in Bern.",
                "{\"id\":\"1\",\"question\":\"Where?\",\"answers\":[{\"text\":\"Bern\","
                "\"answer_start\":17},{\"text\":\"in Bern\",\"answer_start\":14}]},"
                "{\"id\":\"2\",\"question\":\"Who?\",\"is_impossible\":true,\"answers\":[]}"));
    assert_int_equal(s.n, 2);
    x = with(&s, "Where?");
    assert_int_equal(x->n_answers, 2);
    assert_int_equal(x->answers[0].begin, 19); /* two characters before it have two bytes */
    assert_true(slice_is(x->id, "1"));
    assert_int_equal(with(&s, "Who?")->n_answers, 0);
    labelled_close(&s);
    refused(LABELLED_ANSWER, labelled_squad,
            SQUAD("It lies in Bern.",
                  "{\"id\":\"7\",\"question\":\"Where?\",\"answers\":[{\"text\":"
                  "\"Basel\",\"answer_start\":11}]}"),
            "question 7: the answer \"Basel\" does not stand at character 11");
    refused(LABELLED_ANSWER, labelled_squad,
            SQUAD("Bern", "{\"id\":\"7\",\"question\":\"Where?\",\"answers\":[{\"text\":\"Bern\","
                          "\"answer_start\":900}]}"),
            "does not stand");
    refused(LABELLED_ANSWER, labelled_squad,
            SQUAD("Bern",
                  "{\"id\":\"7\",\"question\":\"Where?\",\"answers\":[{\"text\":\"Bern\"}]}"),
            "without text or answer_start");
    refused(LABELLED_ANSWER, labelled_squad, SQUAD("Bern", "{\"id\":\"7\"}"),
            "without \"question\"");
    refused(LABELLED_ANSWER, labelled_squad, "{\"data\":3}", "expected SQuAD's");
    refused(LABELLED_ANSWER, labelled_squad, "[", "file");
}

static void test_conll(void **state)
{
    struct labelled_set s;
    size_t words = 0;
    (void)state;
    reads(&s, LABELLED_TAG, labelled_conll,
          "-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGerman JJ B-NP B-MISC\n\n\n"
          "Peter\tI-PER\r\nBlackburn\tI-PER");
    assert_int_equal(s.n, 2);
    for (size_t i = 0; i < s.n; i++)
        words += s.items[i].n_words;
    assert_int_equal(words, 5);
    assert_int_equal(s.n_labels, 4); /* B-MISC B-ORG I-PER O */
    assert_true(slice_is(s.labels[0], "B-MISC"));
    labelled_close(&s);
    refused(LABELLED_TAG, labelled_conll, "EU B-ORG\nrejects\n", "file:2: \"rejects\" has no tag");
    refused(LABELLED_TAG, labelled_conll, "EU B-ORG\nrejects X-ORG\n",
            "file:2: \"X-ORG\" is no tag");
    refused(LABELLED_TAG, labelled_conll, "EU B-\n", "\"B-\" is no tag");
    refused(LABELLED_TAG, labelled_conll, "EU O\n", "only one label");
}

/* The same rows in another order: the same set. */
static void test_order(void **state)
{
    struct labelled_set a, b;
    (void)state;
    reads(&a, LABELLED_CLASSIFY, labelled_tsv, "one\tx\ntwo\ty\nthree\tx\n");
    reads(&b, LABELLED_CLASSIFY, labelled_tsv, "two\ty\nthree\tx\none\tx\n");
    for (size_t i = 0; i < a.n; i++) {
        assert_true(slice_equal(a.items[i].text, b.items[i].text));
        assert_int_equal(a.items[i].label, b.items[i].label);
        assert_true(a.items[i].split.prompt == b.items[i].split.prompt);
    }
    labelled_close(&a);
    labelled_close(&b);
}

static void test_wrong_file(void **state)
{
    struct labelled_set s;
    struct error error;
    (void)state;
    labelled_open(&s, LABELLED_TAG, NULL, 0);
    assert_int_equal(labelled_read_file(&s, "x.tsv", &error), -1);
    assert_non_null(strstr(error.text, "for tag a .conll"));
    assert_int_equal(labelled_read_file(&s, "nothing-here.conll", &error), -1);
    assert_non_null(strstr(error.text, "nothing-here.conll"));
    labelled_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tsv),   cmocka_unit_test(test_jsonl),
        cmocka_unit_test(test_squad), cmocka_unit_test(test_conll),
        cmocka_unit_test(test_order), cmocka_unit_test(test_wrong_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
