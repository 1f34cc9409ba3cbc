/* The held-out split and samples as conversations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "corpus/split.h"
#include "corpus/turns.h"

#include <stdio.h>
#include <string.h>

enum { N = 4000 };
static struct split_row rows[N];
static bool held[N], again[N];
static char text[N][64];

static struct sample sample_of(const char *instruction, const char *input)
{
    struct sample s;
    memset(&s, 0, sizeof s);
    s.instruction = slice_of(instruction);
    s.input = slice_of(input);
    s.output = SLICE("out");
    return s;
}

static void test_share(void **state)
{
    size_t n;
    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct sample s;
        (void)snprintf(text[i], sizeof text[i], "Question %zu", i);
        s = sample_of(text[i], "");
        rows[i] = split_row(&s);
    }
    n = split_assign(rows, N, 0.1, held);
    assert_in_range(n, 320, 480);
    /* Order and further rows do not move a row. */
    for (size_t i = 0; i < N / 2; i++) {
        struct split_row r = rows[i];
        rows[i] = rows[N - 1 - i];
        rows[N - 1 - i] = r;
    }
    (void)split_assign(rows, N, 0.1, again);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(held[i], again[N - 1 - i]);
    assert_int_equal(split_assign(rows, N, 0, held), 0);
    (void)split_assign(rows, N / 2, 0.1, held);
    for (size_t i = 0; i < N / 2; i++)
        assert_int_equal(held[i], again[i]);
}

static void test_same_question_stays_together(void **state)
{
    size_t inside = 0;
    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct sample s;
        (void)snprintf(text[i], sizeof text[i],
                       i % 3 == 0   ? "Name  city %zu"
                       : i % 3 == 1 ? "name city %zu "
                                    : "NAME CITY\n%zu",
                       i / 3);
        s = sample_of(text[i], "");
        rows[i] = split_row(&s);
    }
    (void)split_assign(rows, N, 0.2, held);
    for (size_t i = 0; i + 3 <= N; i += 3) {
        assert_int_equal(held[i], held[i + 1]);
        assert_int_equal(held[i], held[i + 2]);
        inside += held[i];
    }
    assert_in_range(inside, 200, 340);
}

/* One fixed instruction with changing input is divided by input. */
static void test_common_instruction(void **state)
{
    size_t n;
    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct sample s;
        (void)snprintf(text[i], sizeof text[i], "ticket %zu", i / 2);
        s = sample_of("Classify the ticket.", text[i]);
        rows[i] = split_row(&s);
    }
    n = split_assign(rows, N, 0.1, held);
    assert_in_range(n, 300, 500);
    for (size_t i = 0; i < N; i += 2)
        assert_int_equal(held[i], held[i + 1]);
}

static void test_never_empty(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct sample s;
        (void)snprintf(text[i], sizeof text[i], "q%zu", i);
        s = sample_of(text[i], "");
        rows[i] = split_row(&s);
    }
    assert_int_equal(split_assign(rows, 3, 0.0001, held), 1);
    assert_int_equal(split_assign(rows, 3, 0.9999, held), 2);
    assert_int_equal(split_assign(rows, 1, 0.9999, held), 0);
    assert_int_equal(split_assign(rows, 0, 0.5, held), 0);
}

static void expect_turns(const struct sample *s, bool reply, const char *wanted)
{
    struct error error = {ERROR_NONE, ""};
    struct json *turns = turns_of(s, reply, &error);
    struct buf b = BUF;
    assert_non_null(turns);
    json_write(turns, 0, &b);
    assert_string_equal(buf_text(&b), wanted);
    json_free(turns);
    buf_free(&b);
}

static void test_turns(void **state)
{
    struct sample s = sample_of("Say", "hi");
    struct error error = {ERROR_NONE, ""};
    (void)state;
    expect_turns(&s, false, "[{\"role\":\"user\",\"content\":\"Say\\n\\nhi\"}]");
    s.input = SLICE(" ");
    s.system = SLICE("Be brief.");
    expect_turns(&s, true,
                 "[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":"
                 "\"Say\"},{\"role\":\"assistant\",\"content\":\"out\"}]");
    s.messages = SLICE("[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":"
                       "\"b\"},{\"role\":\"user\",\"content\":\"c\"}]");
    s.reasoning = SLICE("why");
    expect_turns(&s, true,
                 "[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":"
                 "\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":"
                 "\"c\"},{\"role\":\"assistant\",\"content\":\"out\",\"reasoning_content\":"
                 "\"why\"}]");
    s.id = 12;
    s.messages = SLICE("{}");
    assert_null(turns_of(&s, true, &error));
    assert_string_equal(error.text, "sample 12: messages: expected an array, got object");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_same_question_stays_together),
        cmocka_unit_test(test_common_instruction),
        cmocka_unit_test(test_never_empty),
        cmocka_unit_test(test_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
