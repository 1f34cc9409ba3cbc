/*
 * Checkable constraints: cases of our own, and the verdicts of IFEval's own code on the 541 replies
 * of ../shared/data/ifeval/phi3_strict.jsonl.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/constraints.h"
#include "core/file.h"
#include "core/json.h"
#include "core/langid.h"
#include "core/prose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool holds(const char *id, const char *args, const char *reply)
{
    struct json *j = json_parse(slice_of(args), 0, NULL);
    const struct constraint *c = constraint_find(id);
    bool held;
    assert_non_null(c);
    held = c->holds(slice_of(reply), j);
    json_free(j);
    return held;
}

static void test_cases(void **state)
{
    const char *para = "length_constraints:nth_paragraph_first_word";
    (void)state;
    assert_true(holds("keywords:frequency",
                      "{\"keyword\":\"cat\",\"relation\":\"at least\",\"frequency\":2}",
                      "Cat and concat"));
    assert_false(holds("keywords:forbidden_words", "{\"forbidden_words\":[\"cat\"]}", "A Cat."));
    assert_true(holds("keywords:forbidden_words", "{\"forbidden_words\":[\"cat\"]}", "concat"));
    assert_true(holds(para, "{\"num_paragraphs\":2,\"nth_paragraph\":2,\"first_word\":\"Two\"}",
                      "One.\n\n\"two, and\""));
    assert_true(
        holds("length_constraints:number_paragraphs", "{\"num_paragraphs\":2}", "a\n***\nb\n***"));
    assert_false(
        holds("length_constraints:number_paragraphs", "{\"num_paragraphs\":2}", "a\n***\n***\nb"));
    assert_true(holds("detectable_format:json_format", "{}", "```json\n{\"a\":1}\n```"));
    assert_false(holds("detectable_format:json_format", "{}", "{'a':1}"));
    assert_true(holds("detectable_format:title", "{}", "<<A song>>\nla"));
    assert_false(holds("detectable_format:title", "{}", "<< >>"));
    assert_true(holds("combination:two_responses", "{}", "a\n******\nb"));
    assert_false(holds("combination:two_responses", "{}", "a******a"));
    assert_true(
        holds("startend:end_checker", "{\"end_phrase\":\"The End.\"}", "\"It is the end.\""));
    assert_true(holds("detectable_content:postscript", "{\"postscript_marker\":\"P.S.\"}",
                      "Bye.\nP. S. One more."));
    assert_true(holds("detectable_format:number_highlighted_sections", "{\"num_highlights\":2}",
                      "*a* and *b c*"));
    assert_true(holds("change_case:english_lowercase", "{}", "it is all that is in the text."));
    assert_false(holds("change_case:english_lowercase", "{}", "It is."));
}

static void test_counting(void **state)
{
    (void)state;
    assert_int_equal(prose_sentences(SLICE("Dr. Smith went home. He slept! Did he? Yes")), 4);
    assert_int_equal(prose_sentences(SLICE("Title\n\nIt was 3.5 m long.")), 1);
    assert_int_equal(prose_words(SLICE("It's a well-known fact_x.")), 6);
    assert_int_equal(prose_capital_words(SLICE("DON'T stop, SELF-MADE (USA) I x COVID-19.")), 6);
    assert_string_equal(langid_of(SLICE("Das ist nicht der Weg und die Brücke.")).guess, "de");
    assert_string_equal(langid_of(SLICE("O gato não está em casa, mas você sim.")).guess, "pt");
    assert_string_equal(langid_of(SLICE("यह एक अच्छा दिन है और मैं खुश हूँ")).guess, "hi");
    assert_string_equal(langid_of(SLICE("این یک روز خوب است که در آن")).guess, "fa");
    assert_string_equal(langid_of(SLICE("123 456")).guess, "");
}

struct tally {
    size_t n, wrong;
};

static void compare(const struct json *line, struct tally *prompts, struct tally *instructions,
                    bool show)
{
    const struct json *verdict = json_first(json_get(line, "follow_instruction_list"));
    const struct json *id = json_first(json_get(line, "instruction_id_list"));
    const struct json *args = json_first(json_get(line, "kwargs"));
    struct slice reply = json_string(json_get(line, "response"));
    bool all = true;
    for (; id != NULL; id = json_next(id), args = json_next(args), verdict = json_next(verdict)) {
        bool ours =
            slice_trim(reply).len != 0 && constraint_find(json_text(id, ""))->holds(reply, args);
        instructions->n++;
        if (ours != json_true(verdict)) {
            instructions->wrong++;
            if (show)
                printf("%s: ours %d: %.60s\n", json_text(id, ""), ours,
                       json_text(json_get(line, "prompt"), ""));
        }
        all = all && ours;
    }
    prompts->n++;
    prompts->wrong += all != json_true(json_get(line, "follow_all_instructions"));
}

/* The prompts' arguments stand in input_data.jsonl, the replies in phi3_strict.jsonl. */
static void test_reference_verdicts(void **state)
{
    struct error error = {ERROR_NONE, ""};
    struct file_lines *in, *out;
    struct slice a, b;
    struct tally prompts = {0, 0}, instructions = {0, 0};
    (void)state;
    if (!file_exists("../shared/data/ifeval/phi3_strict.jsonl")) {
        printf("SKIP: ../shared/data/ifeval is absent\n");
        skip();
    }
    in = file_lines_open("../shared/data/ifeval/input_data.jsonl", 1 << 20, &error);
    out = file_lines_open("../shared/data/ifeval/phi3_strict.jsonl", 1 << 20, &error);
    while (file_lines_next(in, &a, &error) == 1 && file_lines_next(out, &b, &error) == 1) {
        struct json *input = json_parse(a, 0, &error), *line = json_parse(b, 0, &error);
        assert_true(json_equal(json_get(input, "prompt"), json_get(line, "prompt")));
        json_put(line, "kwargs", json_copy(json_get(input, "kwargs")));
        compare(line, &prompts, &instructions, getenv("SHOW") != NULL);
        json_free(input);
        json_free(line);
    }
    file_lines_close(in);
    file_lines_close(out);
    printf("verdicts that differ: %zu of %zu instructions, %zu of %zu prompts\n",
           instructions.wrong, instructions.n, prompts.wrong, prompts.n);
    assert_int_equal(prompts.n, 541);
    assert_true(instructions.wrong <= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_reference_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
