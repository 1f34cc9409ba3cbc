/* Recipes: positions, overrides, defaults; and that the schema keeps its promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/embedded.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/recipe.h"

static void says(const char *text, const char *const *sets, size_t n_sets, const char *expected)
{
    struct error error = {0};
    struct buf report = BUF;
    size_t first = strcspn(expected, "\n");
    struct recipe *r = recipe_parse(slice_of(text), "dir/r.jsonc", sets, n_sets, &report, &error);
    assert_string_equal(buf_text(&report), expected);
    assert_null(r);
    assert_int_equal(error.code, ERROR_USAGE);
    assert_memory_equal(error.text, expected, first);
    buf_free(&report);
}

static void test_violations(void **state)
{
    (void)state;
    says("{\n  // comment\n  \"train\": {\n    \"rank\": \"eight\",\n    \"rnak\": 1\n  },\n"
         "  \"sede\": 2, \"teacher\": 5\n}\n",
         NULL, 0,
         "dir/r.jsonc:4:5: train.rank: expected integer >= 1, got \"eight\"\n"
         "dir/r.jsonc:5:5: train.rnak: unknown key; did you mean \"rank\"?\n"
         "dir/r.jsonc:7:3: sede: unknown key; did you mean \"seed\"?\n"
         "dir/r.jsonc:7:14: teacher: expected object, got 5\n");
    says("{\"train\": }", NULL, 0, "dir/r.jsonc:1:11: expected a value, found \"}\"\n");
    says("[1]", NULL, 0, "dir/r.jsonc:1:1: a recipe is a JSON object: { … }\n");
    says("{\"train\": {\"rank\": 4, \"rank\": 8}}", NULL, 0,
         "dir/r.jsonc:1:12: train.rank: given twice; remove one\n");
    says("{\"train\": {\"clip\": 1e400}}", NULL, 0,
         "dir/r.jsonc:1:12: train.clip: a number as large as this has no meaning\n");
    says("", NULL, 0, "dir/r.jsonc:1:1: expected a value, found the end of the text\n");
}

static void test_bad_sets(void **state)
{
    const char *const sets[] = {"train.rank=x", "train.rnak=1", "novalue",
                                "=3",           "a..b=1",       "seed.x=1"};
    (void)state;
    says("{\"train\": {\"rank\": true}, \"seed\": 7}", sets, 6,
         "--set novalue: expected a field and a value, as in --set train.rank=16\n"
         "--set =3: expected a field and a value, as in --set train.rank=16\n"
         "--set a..b=1: expected a field and a value, as in --set train.rank=16\n"
         "--set seed.x=1: only fields of objects can be set; give the whole value\n"
         "--set train.rank: expected integer >= 1, got \"x\"\n"
         "--set train.rnak: unknown key; did you mean \"rank\"?\n");
}

static struct recipe *good(const char *text, const char *name, const char *const *sets, size_t n)
{
    struct error error = {0};
    struct buf report = BUF;
    struct recipe *r = recipe_parse(slice_of(text), name, sets, n, &report, &error);
    if (r == NULL)
        print_message("%s\n", error.text);
    assert_non_null(r);
    assert_int_equal(report.len, 0);
    buf_free(&report);
    return r;
}

static void test_getters(void **state)
{
    const char *const sets[] = {"train.rank=16", "teacher.model=small one", "gen.budget_usd=null",
                                "train.rank=32", "filter={\"near\":{\"threshold\":0.5}}"};
    struct recipe *r =
        good("{\"train\": {\"rank\": 4, \"epochs\": 2, \"out\": \"s\"}, \"dataset\": \"/abs.db\"}",
             "some/dir/r.jsonc", sets, 5);
    char *path = recipe_path(r, "train.out");
    (void)state;
    assert_int_equal(recipe_integer(r, "train.rank"), 32);
    assert_true(recipe_number(r, "train.epochs") == 2);
    assert_string_equal(recipe_text(r, "teacher.model"), "small one");
    assert_null(recipe_get(r, "gen.budget_usd"));
    assert_null(recipe_text(r, "gen.budget_usd"));
    assert_true(recipe_number(r, "filter.near.threshold") == 0.5);
    assert_string_equal(recipe_text(r, "filter.near.fields"), "all");
    assert_int_equal(json_type(recipe_get(r, "filter.rules")), JSON_ARRAY);
    assert_string_equal(path, "some/dir/s");
    mem_free(path);
    path = recipe_path(r, "dataset");
    assert_string_equal(path, "/abs.db");
    mem_free(path);
    assert_string_equal(recipe_file(r), "some/dir/r.jsonc");
    assert_int_equal(strlen(recipe_sha256(r)), 64);
    recipe_free(r);
    recipe_free(NULL);
}

static void test_identity(void **state)
{
    const char *const sets[] = {"train.rank=16"};
    struct recipe *a = good("{\"train\": {\"rank\": 16}, /* c */ \"seed\": 1.0}", "a", NULL, 0);
    struct recipe *b = good("{}", "b", sets, 1);
    struct recipe *c = good("{}", "c", NULL, 0), *d;
    struct buf text = BUF;
    (void)state;
    assert_string_equal(recipe_sha256(a), recipe_sha256(b));
    assert_string_not_equal(recipe_sha256(a), recipe_sha256(c));
    recipe_write(a, &text);
    d = good(buf_text(&text), "d", NULL, 0);
    assert_string_equal(recipe_sha256(a), recipe_sha256(d));
    buf_free(&text);
    recipe_free(a);
    recipe_free(b);
    recipe_free(c);
    recipe_free(d);
}

static void test_load(void **state)
{
    struct error error = {0};
    struct recipe *r = recipe_load(NULL, NULL, 0, NULL, &error);
    char *path;
    (void)state;
    assert_non_null(r);
    assert_string_equal(recipe_file(r), "(defaults)");
    path = recipe_path(r, "dataset");
    assert_string_equal(path, recipe_text(r, "dataset"));
    mem_free(path);
    recipe_free(r);
    assert_null(recipe_load("no/such/recipe.jsonc", NULL, 0, NULL, &error));
    assert_int_equal(error.code, ERROR_IO);
    assert_null(recipe_load(NULL, (const char *const[]){"seed=x"}, 1, NULL, &error));
    assert_string_equal(error.text,
                        "--set seed: expected integer >= 0 and <= 9007199254740991, got \"x\"");
    assert_null(recipe_load(NULL, (const char *const[]){"seed=x", "threads=x"}, 2, NULL, &error));
    assert_non_null(strstr(error.text, " (and 1 more)"));
}

/* The names of the design page, each with the kind of value it takes there. */
static void test_design_names(void **state)
{
    struct recipe *r =
        good("{ \"$schema\": \"schemas/recipe.schema.json\", // JSON with comments\n"
             "\"dataset\": \"tickets.db\", \"seed\": 1, \"threads\": 0,\n"
             "\"teacher\": { \"provider\": \"openai\", \"base_url\": \"http://127.0.0.1:8080/v1\", "
             "\"model\": \"big\","
             "\"api_key_env\": \"OPENAI_API_KEY\", \"in_flight\": 64, \"price\": { \"input\": "
             "0.15, \"output\": 0.60 } },\n"
             "\"gen\": { \"strategy\": \"respond\", \"prompts\": \"prompts.jsonl\", \"samples\": "
             "1, \"max_tokens\": 512,"
             "\"temperature\": 0.7, \"retries\": 8, \"timeout_s\": 120, \"budget_usd\": 5.0 },\n"
             "\"filter\": { \"rules\": [\"default\"], \"near\": { \"threshold\": 0.8, \"fields\": "
             "\"all\" } },\n"
             "\"train\": { \"student\": \"Qwen2.5-0.5B\", \"out\": \"student\", \"method\": "
             "\"lora\", \"rank\": 8,"
             "\"alpha\": 16, \"epochs\": 3, \"max_length\": 1024, \"batch_tokens\": 8192, "
             "\"learning_rate\": 2e-4 },\n"
             "\"eval\": { \"suite\": \"heldout.jsonl\" } }",
             "r", NULL, 0);
    (void)state;
    assert_int_equal(recipe_integer(r, "gen.retries"), 8);
    recipe_free(r);
}

/* The field, or the definition that it refers to. */
static const struct json *meant(const struct json *schema, const struct json *field)
{
    const char *ref = json_text(json_get(field, "$ref"), NULL);
    struct slice name = slice_sub(slice_of(ref), strlen("#/$defs/"), SIZE_MAX);
    return ref != NULL ? json_get(json_get(schema, "$defs"), name.data) : field;
}

static void check_examples(const struct json *field, const char *name)
{
    for (const struct json *e = json_first(json_get(field, "examples")); e != NULL;
         e = json_next(e)) {
        struct buf set = BUF;
        struct error error = {0};
        struct recipe *r;
        buf_printf(&set, "%s=", name);
        json_write(e, 0, &set);
        r = recipe_load(NULL, (const char *const[]){buf_text(&set)}, 1, NULL, &error);
        if (r == NULL)
            fail_msg("example %s: %s", buf_text(&set), error.text);
        recipe_free(r);
        buf_free(&set);
    }
}

/* Every field explains itself: a description; a default, unless a definition leaves it out on
 * purpose; a leaf has an example that is allowed, a block refuses keys it does not know. */
static void check_fields(const struct json *schema, const struct json *node, const char *path)
{
    for (const struct json *f = json_first(json_get(node, "properties")); f != NULL;
         f = json_next(f)) {
        const struct json *field = meant(schema, f);
        bool block = json_get(field, "properties") != NULL;
        struct buf name = BUF;
        buf_printf(&name, "%s%s%s", path, path[0] != '\0' ? "." : "", json_key(f));
        if (json_text(json_get(field, "description"), NULL) == NULL)
            fail_msg("%s: no description", buf_text(&name));
        if (field == f && json_get(field, "default") == NULL)
            fail_msg("%s: no default", buf_text(&name));
        if (block && json_type(json_get(field, "additionalProperties")) == JSON_ABSENT)
            fail_msg("%s: additionalProperties is missing", buf_text(&name));
        if (!block && json_first(json_get(field, "examples")) == NULL)
            fail_msg("%s: no example", buf_text(&name));
        check_examples(field, buf_text(&name));
        check_fields(schema, field, buf_text(&name));
        buf_free(&name);
    }
}

static void test_schema_explains(void **state)
{
    const struct embedded_file *file = embedded_find("schemas/recipe.schema.json");
    struct json *schema = json_parse(slice_from(file->data, file->size), 0, NULL);
    (void)state;
    assert_non_null(schema);
    check_fields(schema, schema, "");
    json_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_bad_sets),
        cmocka_unit_test(test_getters),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_design_names),
        cmocka_unit_test(test_schema_explains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
