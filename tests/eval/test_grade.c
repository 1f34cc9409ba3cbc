/* Graders and suites: what counts as right, which files are read, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "eval/graders.h"
#include "eval/judge.h"
#include "eval/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/retort-grade-XXXXXX";

/* Read one line as a suite of one item. */
static int read_one(const char *line, struct suite *s, struct error *error)
{
    const struct suite_options options = {NULL, NULL, 0};
    char *path = file_join(folder, "one.jsonl");
    int status;
    assert_int_equal(file_replace(path, slice_of(line), NULL), 0);
    status = suite_read(s, path, &options, error);
    mem_free(path);
    return status;
}

static double grade_with(const struct suite_item *item, struct grade_input in, bool *failed)
{
    struct grade g = {0, false, BUF};
    in.item = item;
    item->grader->grade(&in, &g);
    if (failed != NULL)
        *failed = g.failed;
    buf_free(&g.why);
    return g.score;
}

static double score(const char *line, const char *reply)
{
    struct error error = {ERROR_NONE, ""};
    struct suite s;
    double x;
    if (read_one(line, &s, &error) != 0)
        fail_msg("%s", error.text);
    x = grade_with(&s.items[0], (struct grade_input){.reply = slice_of(reply)}, NULL);
    suite_free(&s);
    return x;
}

static void right(const char *line, const char *reply)
{
    if (!(score(line, reply) >= 1))
        fail_msg("should be right: %s to %s", reply, line);
}

static void wrong(const char *line, const char *reply)
{
    if (score(line, reply) > 0)
        fail_msg("should be wrong: %s to %s", reply, line);
}

static void test_texts(void **state)
{
    const char *exact = "{\"prompt\":\"p\",\"answer\":[\"a b\",\"c\"],\"grader\":\"exact\"}";
    const char *loose = "{\"prompt\":\"p\",\"answer\":\"The Eiffel-Tower\",\"grader\":"
                        "\"normalised\"}";
    (void)state;
    right(exact, " a b\n");
    right(exact, "c");
    right(exact, "<think>a or c?</think>\nc");
    wrong(exact, "A b");
    wrong(exact, "");
    right(loose, "eiffeltower.");
    right("{\"prompt\":\"p\",\"answer\":\"Zürich\",\"grader\":\"normalised\"}", "a ZÜRICH!");
    wrong(loose, "eiffel");
    right("{\"prompt\":\"p\",\"answer\":\"^b.d$\",\"grader\":\"regex\"}", "a\nbed\nc");
    wrong("{\"prompt\":\"p\",\"answer\":\"^b.d$\",\"grader\":\"regex\"}", "BED");
    right("{\"prompt\":\"p\",\"answer\":\"bed\",\"grader\":\"regex\",\"args\":{\"caseless\":true}}",
          "BED");
}

static void test_numbers(void **state)
{
    const char *n = "{\"prompt\":\"p\",\"answer\":\"1,234.50\",\"grader\":\"numeric\"}";
    const char *gsm = "{\"question\":\"q\",\"answer\":\"so 2+2=<<2+2=4>>4\\n#### 1,018\"}";
    (void)state;
    right(n, "It costs $1234.5.");
    right(n, "2 and 3 make \\boxed{1234.50}, not 7");
    right(n, "The answer is 1,234.5 (not 99).");
    wrong(n, "1234.6");
    wrong(n, "no idea");
    wrong(n, "1234.5 or 7");
    right("{\"prompt\":\"p\",\"answer\":-3,\"grader\":\"numeric\"}", "x = -3");
    right("{\"prompt\":\"p\",\"answer\":\"3/4\",\"grader\":\"numeric\"}", "0.75");
    right("{\"prompt\":\"p\",\"answer\":1.5e3,\"grader\":\"numeric\"}", "1500 m");
    right("{\"prompt\":\"p\",\"answer\":10,\"grader\":\"numeric\",\"args\":{\"tolerance\":0.05}}",
          "10.4");
    right(gsm, "She has 1018 left.\n#### 1018");
    right(gsm, "5 eggs, so the answer is 1,018 dollars on day 3");
    wrong(gsm, "#### 1019");
}

static void math(const char *answer, const char *reply, bool same)
{
    struct json *o = json_new_object();
    struct buf line = BUF;
    json_put_text(o, "question", "q");
    json_put_text(o, "true_answer", answer);
    json_put_integer(o, "level", 3);
    json_write(o, 0, &line);
    if (same)
        right(buf_text(&line), reply);
    else
        wrong(buf_text(&line), reply);
    json_free(o);
    buf_free(&line);
}

static void test_math(void **state)
{
    (void)state;
    math("\\frac{14}{3}", "Thus \\boxed{\\dfrac{14}{3}}.", true);
    math("\\frac{14}{3}", "the answer is $14/3$.", true);
    math("\\frac12", "\\boxed{\\frac{1}{2}}", true);
    math("\\frac12", "\\boxed{.5}", true);
    math("\\left( 3, \\frac{\\pi}{2} \\right)", "\\boxed{(3,\\frac{\\pi}2)}", true);
    math("p - q", "$$x$$ so it is $p-q$", true);
    math("10\\text{ cm}", "\\boxed{10}", true);
    math("\\text{Evelyn}", "\\boxed{\\text{Evelyn}}", true);
    math("11,\\!111", "\\boxed{11111}", true);
    math("x=5", "\\boxed{5}", true);
    math("90^\\circ", "\\boxed{90}", true);
    math("\\sqrt{3}", "\\boxed{\\sqrt3}", true);
    math("(1,2)", "\\boxed{(2,1)}", false);
    math("\\frac{14}{3}", "\\boxed{\\frac{13}{3}}", false);
    math("5", "I do not know", false);
    math("5", "", false);
}

static void test_json(void **state)
{
    const char *line = "{\"prompt\":\"p\",\"answer\":{\"category\":\"Billing\",\"urgency\":2},"
                       "\"grader\":\"json\"}";
    const char *partial = "{\"prompt\":\"p\",\"answer\":{\"a\":1,\"b\":2},\"grader\":\"json\","
                          "\"args\":{\"partial\":true}}";
    (void)state;
    right(line, "{\"urgency\": 2.0, \"category\": \"billing \"}");
    right(line, "Here:\n```json\n{\"category\":\"Billing\",\"urgency\":2,\"x\":null}\n```");
    wrong(line, "{\"category\":\"Billing\"}");
    wrong(line, "{\"category\":\"Billing\",\"urgency\":\"2\"}");
    wrong(line, "Billing 2");
    wrong(line, "{\"category\": {{{");
    assert_true(fabs(score(partial, "{\"a\":1,\"b\":3}") - 0.5) < 1e-12);
    wrong("{\"prompt\":\"p\",\"answer\":{\"a\":1},\"grader\":\"json\",\"args\":{\"closed\":true}}",
          "{\"a\":1,\"b\":3}");
    wrong("{\"prompt\":\"p\",\"answer\":{\"a\":\"X\"},\"grader\":\"json\",\"args\":{\"strict\":"
          "true}}",
          "{\"a\":\"x\"}");
}

static void test_rouge(void **state)
{
    const char *line = "{\"prompt\":\"p\",\"answer\":\"the cat sat on the mat\",\"grader\":"
                       "\"rouge_l\"}";
    (void)state;
    right(line, "The cat sat on the mat.");
    /* LCS "the cat on the mat" 5; 2*5/(6+7) */
    assert_true(fabs(score(line, "The cat was lying on the mat") - 10.0 / 13) < 1e-12);
    wrong(line, "dogs");
    wrong(line, "");
}

static void test_choice(void **state)
{
    struct error error = {ERROR_NONE, ""};
    const double sums[] = {-4, -3.9, -9};
    struct grade_input in = {.scores = sums};
    struct suite s;
    (void)state;
    assert_int_equal(read_one("{\"prompt\":\"p\",\"choices\":[\"ab\",\"c\",\"def\"],\"answer\":"
                              "\"c\",\"grader\":\"choice\"}",
                              &s, &error),
                     0);
    assert_true(grade_with(&s.items[0], in, NULL) >= 1);
    suite_free(&s);
    assert_int_equal(read_one("{\"prompt\":\"p\",\"choices\":[\"ab\",\"c\",\"def\"],\"answer\":0,"
                              "\"grader\":\"choice\",\"args\":{\"by\":\"bytes\"}}",
                              &s, &error),
                     0);
    assert_true(grade_with(&s.items[0], in, NULL) >= 1);
    suite_free(&s);
}

static void test_judge(void **state)
{
    struct error error = {ERROR_NONE, ""};
    struct suite s;
    struct json *talk =
        json_parse(SLICE("[{\"role\":\"user\",\"content\":\"Q {answer}\"},{\"role\":"
                         "\"assistant\",\"content\":\"R\"}]"),
                   0, NULL);
    struct json *messages;
    bool failed;
    (void)state;
    assert_int_equal(
        read_one("{\"prompt\":\"Q\",\"answer\":\"A\",\"grader\":\"judge\",\"args\":{"
                 "\"judge\":{\"template\":\"{question}|{answer}|{ref_answer_1}|{x}{\"}}}",
                 &s, &error),
        0);
    messages = judge_messages(&s.items[0], talk);
    assert_string_equal(json_text(json_path(messages, "0.content"), ""), "Q {answer}|R|A|{x}{");
    json_free(messages);
    assert_true(fabs(grade_with(&s.items[0],
                                (struct grade_input){.verdict = SLICE("Like [[1]]? Rating: [[7]]")},
                                &failed) -
                     0.7) < 1e-12);
    assert_false(failed);
    (void)grade_with(&s.items[0], (struct grade_input){.verdict = SLICE("Good!")}, &failed);
    assert_true(failed);
    (void)grade_with(&s.items[0], (struct grade_input){.verdict = SLICE("[[11]]")}, &failed);
    assert_true(failed);
    json_free(talk);
    suite_free(&s);
}

static void test_command(void **state)
{
    struct error error = {ERROR_NONE, ""};
    struct suite s;
    bool failed;
    struct grade_input in = {.reply = SLICE("forty-two")};
    (void)state;
    assert_int_equal(read_one("{\"prompt\":\"p\",\"answer\":\"42\",\"grader\":\"command\"}", &s,
                              &error),
                     0);
    in.command = "grep -q '\"reply\":\"forty-two\"'";
    assert_true(grade_with(&s.items[0], in, &failed) >= 1 && !failed);
    in.command = "cat > /dev/null; exit 1";
    assert_true(grade_with(&s.items[0], in, &failed) <= 0 && !failed);
    in.command = "echo 0.25";
    assert_true(fabs(grade_with(&s.items[0], in, &failed) - 0.25) < 1e-12 && !failed);
    in.command = "exit 3";
    (void)grade_with(&s.items[0], in, &failed);
    assert_true(failed);
    in.command = NULL;
    (void)grade_with(&s.items[0], in, &failed);
    assert_true(failed);
    suite_free(&s);
}

static void refused(const char *line, const char *words)
{
    struct error error = {ERROR_NONE, ""};
    struct suite s;
    assert_int_equal(read_one(line, &s, &error), -1);
    if (strstr(error.text, words) == NULL || strstr(error.text, "one.jsonl:1: ") == NULL)
        fail_msg("%s", error.text);
}

static void test_refused(void **state)
{
    (void)state;
    refused("{\"prompt\":\"p\",\"answer\":\"a\"}", "names no grader");
    refused("{\"prompt\":\"p\",\"answer\":\"a\",\"grader\":\"exacto\"}", "unknown grader");
    refused("{\"prompt\":\"p\",\"grader\":\"exact\"}", "needs an \"answer\"");
    refused("{\"prompt\":5,\"grader\":\"exact\",\"answer\":1}", "needs \"prompt\"");
    refused("{\"prompt\":\"p\",\"answer\":\"(\",\"grader\":\"regex\"}", "");
    refused("{\"prompt\":\"p\",\"answer\":\"x\",\"grader\":\"json\"}", "object");
    refused("{\"prompt\":\"p\",\"answer\":\"x\",\"choices\":[\"a\",\"b\"],\"grader\":\"choice\"}",
            "none of the 2 choices");
    refused("{\"prompt\":\"p\",\"instruction_id_list\":[\"x:y\"],\"kwargs\":[{}]}",
            "unknown instruction");
    refused("{\"text\":1}", "no suite format");
    refused("{\"prompt\":", "1:");
}

static size_t count(const char *path, const char *grader, const char *task)
{
    const struct suite_options options = {NULL, NULL, 0};
    struct error error = {ERROR_NONE, ""};
    struct suite s;
    size_t n;
    if (suite_read(&s, path, &options, &error) != 0)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < s.n; i++)
        assert_string_equal(s.items[i].grader->name, grader);
    assert_string_equal(s.items[0].task, task);
    n = s.n;
    suite_free(&s);
    return n;
}

static void test_known_files(void **state)
{
    (void)state;
    if (!file_is_dir("../shared/data/gsm8k")) {
        printf("SKIP: ../shared/data is absent\n");
        skip();
    }
    assert_int_equal(count("../shared/data/gsm8k/test.jsonl", "numeric", "test"), 1319);
    assert_int_equal(count("../shared/data/math-500/math_500.jsonl", "math", "math_500 level 2"),
                     500);
    assert_int_equal(count("../shared/data/ifeval/input_data.jsonl", "ifeval", "input_data"), 541);
    assert_int_equal(count("../shared/data/mt-bench/question.jsonl", "judge", "question writing"),
                     160);
}

/* The worked answers of GSM8K, given as replies, are right; the next item's are wrong. */
static void test_gsm8k_answers(void **state)
{
    const struct suite_options options = {NULL, NULL, 300};
    struct error error = {ERROR_NONE, ""};
    struct file_lines *lines;
    struct slice text;
    struct suite s;
    size_t i = 0, own = 0, other = 0;
    (void)state;
    if (!file_is_dir("../shared/data/gsm8k"))
        skip();
    assert_int_equal(suite_read(&s, "../shared/data/gsm8k/test.jsonl", &options, &error), 0);
    lines = file_lines_open("../shared/data/gsm8k/test.jsonl", 1 << 20, &error);
    while (i < s.n && file_lines_next(lines, &text, &error) == 1) {
        struct json *line = json_parse(text, 0, &error);
        struct grade_input in = {.reply = json_string(json_get(line, "answer"))};
        own += grade_with(&s.items[i], in, NULL) >= 1;
        other += grade_with(&s.items[(i + 1) % s.n], in, NULL) >= 1;
        json_free(line);
        i++;
    }
    file_lines_close(lines);
    assert_int_equal(own, 300);
    assert_true(other < 20);
    suite_free(&s);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),         cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_math),          cmocka_unit_test(test_json),
        cmocka_unit_test(test_rouge),         cmocka_unit_test(test_choice),
        cmocka_unit_test(test_judge),         cmocka_unit_test(test_command),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_known_files),
        cmocka_unit_test(test_gsm8k_answers),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
