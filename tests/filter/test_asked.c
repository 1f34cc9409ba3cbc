/* Constraints read out of requests: phrases by hand, and IFEval's prompts against their lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "filter/asked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "id arguments" of the only constraint, "" for none. */
static void expect(const char *request, const char *want)
{
    struct asked a[ASKED_MOST];
    struct buf got = BUF;
    const size_t n = asked_of(slice_of(request), a);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&got, "%s%s ", i > 0 ? " " : "", a[i].id);
        (void)json_write(a[i].args, 0, &got);
        json_free(a[i].args);
    }
    assert_string_equal(buf_text(&got), want);
    buf_free(&got);
}

static void test_phrases(void **state)
{
    (void)state;
    expect("Write a poem of at least 300 words.",
           "length_constraints:number_words {\"relation\":\"at least\",\"num_words\":300}");
    expect("Answer in no more than fifteen sentences.",
           "length_constraints:number_sentences {\"relation\":\"less than\",\"num_sentences\":16}");
    expect("Write a post with 400 or more words.",
           "length_constraints:number_words {\"relation\":\"at least\",\"num_words\":400}");
    expect("Do not use any commas.", "punctuation:no_comma {}");
    expect("Your reply should be in all lowercase letters.", "change_case:english_lowercase {}");
    expect("The word \"cat\" should appear at least 3 times.",
           "keywords:frequency {\"keyword\":\"cat\",\"relation\":\"at least\",\"frequency\":3}");
    expect("Don't use the word 'very'.",
           "keywords:forbidden_words {\"forbidden_words\":[\"very\"]}");
    expect("Include the keywords \"sun\" and \"moon\".",
           "keywords:existence {\"keywords\":[\"sun\",\"moon\"]}");
    expect("Please respond to me only in Korean.",
           "language:response_language {\"language\":\"ko\"}");
}

static void test_near_misses(void **state)
{
    (void)state;
    expect("Each paragraph should have at least 50 words.", "");
    expect("Correct: \"He wrote at least 300 words.\"", "");
    expect("How many commas are there?", "");
    expect("Explain why titles are in all capital letters in old books", "");
    expect("Why are there no commas in old books?", "");
    expect("Convert the list below to lowercase.", "");
    expect("", "");
}

struct tally {
    size_t right, wrong, all;
};

/* Is it in the prompt's list, with the same arguments where we have them? */
static bool listed(const struct json *row, const struct asked *a)
{
    const struct json *id = json_first(json_get(row, "instruction_id_list")),
                      *args = json_first(json_get(row, "kwargs"));
    for (; id != NULL; id = json_next(id), args = json_next(args)) {
        bool same = strcmp(json_text(id, ""), a->id) == 0;
        /* "mention the word … at least twice" says to mention it, too */
        if (strcmp(a->id, "keywords:existence") == 0)
            same |= strcmp(json_text(id, ""), "keywords:frequency") == 0;
        for (const struct json *v = json_first(a->args); same && v != NULL; v = json_next(v))
            if (json_type(v) == JSON_NUMBER)
                same = json_number(json_get(args, json_key(v)), -1) == json_number(v, -2);
        if (same)
            return true;
    }
    return false;
}

static void compare(const struct json *row, struct tally *t)
{
    struct asked a[ASKED_MOST];
    const struct slice prompt = json_string(json_get(row, "prompt"));
    const size_t n = asked_of(prompt, a);
    for (size_t i = 0; i < n; i++) {
        const bool right = listed(row, &a[i]);
        t->right += right;
        t->wrong += !right;
        if (!right && getenv("SHOW") != NULL)
            printf("not listed: %s: %.*s\n", a[i].id, (int)a[i].words.len, a[i].words.data);
        json_free(a[i].args);
    }
    for (const struct json *id = json_first(json_get(row, "instruction_id_list")); id != NULL;
         id = json_next(id))
        t->all++;
}

static void test_ifeval(void **state)
{
    const char *path = "../shared/data/ifeval/input_data.jsonl";
    struct error error = {ERROR_NONE, ""};
    struct tally t = {0, 0, 0};
    struct file_lines *f;
    struct slice line;
    (void)state;
    if (!file_exists(path)) {
        printf("SKIP: ../shared/data/ifeval is absent\n");
        skip();
    }
    f = file_lines_open(path, 1 << 20, &error);
    while (file_lines_next(f, &line, &error) == 1) {
        struct json *row = json_parse(line, 0, &error);
        compare(row, &t);
        json_free(row);
    }
    file_lines_close(f);
    printf("IFEval: %zu of %zu constraints read from the prompts, %zu that are not listed\n",
           t.right, t.all, t.wrong);
    assert_true(t.right >= 300);
    assert_true(t.wrong * 33 <= t.right); /* precision .97 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phrases),
        cmocka_unit_test(test_near_misses),
        cmocka_unit_test(test_ifeval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
