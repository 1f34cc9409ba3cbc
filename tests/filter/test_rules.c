/* Every row rule: cases that must fire and near misses that must not, from tests/filter/rules.jsonl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "filter/rules.h"

#include <string.h>

enum { MAX_RULES = 128 };

struct seen {
    size_t fires, near_misses;
};

static struct slice text(const struct json *c, const char *key)
{
    const struct slice s = json_string(json_get(c, key));
    return s.data != NULL ? s : SLICE("");
}

/* Defaults of the settings a case does not give; the schema gives them in a recipe. */
static struct json *settings_of(const struct json *c)
{
    static const struct {
        const char *name;
        double value;
    } usual[] = {{"max_characters", 1e6},
                 {"max_tokens", 1e6},
                 {"min_characters", 0},
                 {"min_tokens", 0}};
    struct json *s =
        json_get(c, "settings") != NULL ? json_copy(json_get(c, "settings")) : json_new_object();
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (json_get(s, usual[i].name) == NULL)
            json_put_number(s, usual[i].name, usual[i].value);
    return s;
}

static void check_case(const struct json *c, uint64_t line, struct seen *seen)
{
    const char *name = json_text(json_get(c, "rule"), "");
    const struct filter_rule *rule = filter_rule_find(name);
    const bool want = json_true(json_get(c, "fires"));
    struct error error = {ERROR_NONE, ""};
    struct json *settings = settings_of(c);
    struct sample s = {.id = 1,
                       .instruction = text(c, "instruction"),
                       .input = text(c, "input"),
                       .output = text(c, "output"),
                       .finish_reason = json_string(json_get(c, "finish_reason")),
                       .meta = text(c, "meta"),
                       .messages = json_string(json_get(c, "messages"))};
    struct row row = ROW;
    struct shingler shingler;
    struct finding f = {.value = (double)NAN, .threshold = (double)NAN};
    if (rule == NULL)
        fail_msg("line %d: no rule \"%s\"", (int)line, name);
    void *state = rule->open != NULL ? rule->open(settings, ".", &error) : NULL;
    if (rule->open != NULL && state == NULL)
        fail_msg("line %d: %s", (int)line, error.text);
    shingle_init(&shingler, NULL);
    row_set(&row, &s);
    row_shingle(&row, &shingler);
    row_sentences(&row);
    const bool got = rule->judge(state, &row, &f);
    if (got != want)
        fail_msg("line %d: %s %s: %.*s", (int)line, name, got ? "fires" : "does not fire",
                 (int)s.output.len, s.output.data);
    if (got) {
        assert_int_equal(f.flag, json_true(json_get(c, "flag")));
        assert_true(f.from <= f.to);
        assert_true(f.why[0] != '\0');
    }
    seen->fires += want;
    seen->near_misses += !want;
    row_free(&row);
    shingle_free(&shingler);
    if (rule->close != NULL)
        rule->close(state);
    json_free(settings);
}

static void test_cases(void **state)
{
    struct error error;
    struct file_lines *f = file_lines_open("tests/filter/rules.jsonl", 1 << 20, &error);
    struct seen seen[MAX_RULES] = {{0, 0}};
    struct slice line;
    (void)state;
    assert_non_null(f);
    while (file_lines_next(f, &line, &error) == 1) {
        struct json *c = json_parse(line, 0, &error);
        size_t i = 0;
        if (c == NULL)
            fail_msg("line %d: %s", (int)file_lines_number(f), error.text);
        while (filter_rules[i] != NULL &&
               strcmp(filter_rules[i]->name, json_text(json_get(c, "rule"), "")) != 0)
            i++;
        check_case(c, file_lines_number(f), &seen[i]);
        json_free(c);
    }
    file_lines_close(f);
    for (size_t i = 0; filter_rules[i] != NULL; i++)
        if (seen[i].fires < 2 || seen[i].near_misses < 2)
            fail_msg("%s: %d cases that fire and %d near misses; two of each at least",
                     filter_rules[i]->name, (int)seen[i].fires, (int)seen[i].near_misses);
}

/* Names are unique, sentences are there. */
static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; filter_rules[i] != NULL; i++) {
        assert_true(strlen(filter_rules[i]->summary) > 5);
        assert_true(filter_rules[i]->version > 0);
        assert_ptr_equal(filter_rule_find(filter_rules[i]->name), filter_rules[i]);
    }
    assert_null(filter_rule_find("nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
