/* The row schemas that the binary carries: they compile, and their own examples fit them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/embedded.h"
#include "core/schema.h"

static void say(void *context, const struct schema_violation *v)
{
    print_message("%s: %s: %s\n", (const char *)context, v->path, v->text);
}

static struct json *load(const char *path)
{
    const struct embedded_file *file = embedded_find(path);
    struct error error = {0};
    struct json *root;
    assert_non_null(file);
    root = json_parse(slice_from(file->data, file->size), 0, &error);
    if (root == NULL)
        print_message("%s: %s\n", path, error.text);
    assert_non_null(root);
    return root;
}

/* Examples of the whole and of each field. */
static void check_examples(const char *path, const struct json *node)
{
    struct error error = {0};
    struct schema *s = schema_compile(node, &error);
    char name[64];
    (void)snprintf(name, sizeof name, "%s", path);
    assert_non_null(s);
    for (const struct json *e = json_first(json_get(node, "examples")); e != NULL; e = json_next(e))
        assert_int_equal(schema_check(s, e, say, name), 0);
    schema_free(s);
}

static void test_examples(void **state)
{
    int n = 0;
    (void)state;
    for (const struct embedded_file *f = embedded_files; f->path != NULL; f++) {
        struct json *root;
        if (strncmp(f->path, "schemas/row.", 12) != 0)
            continue;
        root = load(f->path);
        n++;
        assert_non_null(json_first(json_get(root, "examples")));
        check_examples(f->path, root);
        for (const struct json *p = json_first(json_get(root, "properties")); p != NULL;
             p = json_next(p)) {
            assert_non_null(json_text(json_get(p, "description"), NULL));
            assert_non_null(json_first(json_get(p, "examples")));
            check_examples(f->path, p);
        }
        json_free(root);
    }
    assert_true(n >= 6);
}

static void refuses(const char *schema_path, const char *row)
{
    struct error error = {0};
    struct json *root = load(schema_path), *node = json_parse(slice_of(row), 0, &error);
    struct schema *s = schema_compile(root, &error);
    assert_non_null(s);
    assert_non_null(node);
    assert_int_not_equal(schema_check(s, node, NULL, NULL), 0);
    schema_free(s);
    json_free(node);
    json_free(root);
}

static void test_refusals(void **state)
{
    (void)state;
    refuses("schemas/row.alpaca.schema.json", "{\"instruction\":\"x\"}");
    refuses("schemas/row.alpaca.schema.json", "{\"instruction\":\"x\",\"output\":5}");
    refuses("schemas/row.alpaca.schema.json",
            "{\"instruction\":\"x\",\"output\":\"\",\"history\":[[\"a\"]]}");
    refuses("schemas/row.jsonl.schema.json", "{\"instruction\":\"x\"}");
    refuses("schemas/row.jsonl.schema.json", "{\"output\":\"x\"}");
    refuses("schemas/row.messages.schema.json",
            "{\"messages\":[{\"content\":\"x\"},{\"role\":\"user\"}]}");
    refuses("schemas/row.sharegpt.schema.json", "{\"conversations\":[]}");
    refuses("schemas/row.prompts.schema.json", "{\"input\":\"x\"}");
    refuses("schemas/row.prompts.schema.json",
            "{\"instruction\":\"x\",\"messages\":[{\"role\":\"user\"}]}");
    refuses(
        "schemas/row.decisions.schema.json",
        "{\"id\":1,\"kept\":true,\"reasons\":[\"x\"],\"duplicate_of\":null,\"similarity\":null}");
    refuses("schemas/row.decisions.schema.json",
            "{\"id\":1,\"kept\":false,\"reasons\":[],\"duplicate_of\":null,\"similarity\":null}");
    refuses("schemas/row.soft-labels.schema.json",
            "{\"id\":1,\"instruction\":\"x\",\"output\":\"y\",\"logprobs\":{\"content\":[{"
            "\"token\":\"y\","
            "\"bytes\":[121],\"logprob\":-1,\"top_logprobs\":[]}]}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
