/* The JSON Schema validator: messages, references, bounds, defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/schema.h"

static struct json *parse(const char *text)
{
    struct error error = {0};
    struct json *root = json_parse(slice_of(text), 0, &error);
    if (root == NULL)
        print_message("%s\n", error.text);
    assert_non_null(root);
    return root;
}

static void collect(void *context, const struct schema_violation *v)
{
    struct buf *out = context;
    buf_printf(out, "%s: %s\n", v->path, v->text);
    assert_non_null(v->node);
}

/* The violations, a line each. */
static void says(const char *schema, const char *instance, const char *expected)
{
    struct error error = {0};
    struct json *root = parse(schema), *node = parse(instance);
    struct schema *s = schema_compile(root, &error);
    struct buf out = BUF;
    int n, lines = 0;
    if (s == NULL)
        print_message("%s\n", error.text);
    assert_non_null(s);
    n = schema_check(s, node, collect, &out);
    for (size_t i = 0; i < out.len; i++)
        lines += out.data[i] == '\n';
    assert_string_equal(buf_text(&out), expected);
    assert_int_equal(n, lines);
    assert_int_equal(schema_check(s, node, NULL, NULL) != 0, n != 0);
    buf_free(&out);
    schema_free(s);
    json_free(node);
    json_free(root);
}

static void refuses(const char *schema, const char *expected)
{
    struct error error = {0};
    struct json *root = parse(schema);
    struct schema *s = schema_compile(root, &error);
    assert_null(s);
    assert_string_equal(error.text, expected);
    json_free(root);
}

static void test_values(void **state)
{
    (void)state;
    says("{\"type\":\"integer\",\"minimum\":1}", "\"eight\"",
         ": expected integer >= 1, got \"eight\"\n");
    says("{\"type\":\"integer\",\"minimum\":1}", "0", ": expected integer >= 1, got 0\n");
    says("{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":1}", "2",
         ": expected number > 0 and <= 1, got 2\n");
    says("{\"type\":[\"string\",\"null\"]}", "{}",
         ": expected string or null, got an empty object\n");
    says("{\"type\":\"string\",\"minLength\":1}", "\"\"",
         ": expected string that is not empty, got \"\"\n");
    says("{\"type\":\"string\",\"pattern\":\"^a\"}", "\"b\"",
         ": expected string matching /^a/, got \"b\"\n");
    says("{\"enum\":[\"lora\",\"full\"]}", "\"lroa\"",
         ": expected one of \"lora\", \"full\", got \"lroa\"; did you mean \"lora\"?\n");
    says("{\"const\":5}", "[1]", ": expected 5, got an array\n");
    says("{\"type\":\"integer\",\"multipleOf\":8}", "12",
         ": expected integer multiple of 8, got 12\n");
    says("{\"type\":[\"null\",\"number\"],\"minimum\":0}", "-1",
         ": expected number >= 0 or null, got -1\n");
    says("false", "1", ": nothing is allowed here\n");
    says("{\"type\":\"integer\"}", "9007199254740993", "");
    says("{\"maximum\":9007199254740993}", "9007199254740994",
         ": expected <= 9007199254740993, got 9007199254740994\n");
    says("{\"type\":\"null\"}",
         "\"0123456789012345678901234567890123456789012345678901234567\xC3\xA9\xC3\xA9 and more\"",
         ": expected null, got "
         "\"0123456789012345678901234567890123456789012345678901234567\xE2\x80\xA6\n");
}

static void test_objects(void **state)
{
    const char *schema =
        "{\"type\":\"object\",\"required\":[\"student\"],\"additionalProperties\":false,"
        "\"properties\":{\"rank\":{\"type\":\"integer\"},\"student\":{\"type\":\"string\"}}}";
    (void)state;
    says(schema, "{\"rnak\":1,\"zzz\":2}",
         ": \"student\" is missing\nrnak: unknown key; did you mean \"rank\"?\nzzz: unknown key\n");
    says(schema, "{\"rank\":\"x\",\"student\":7}",
         "rank: expected integer, got \"x\"\nstudent: expected string, got 7\n");
    says(schema, "[]", ": expected object, got an empty array\n");
    says("{\"properties\":{\"a\":{\"properties\":{\"b\":{\"items\":{\"type\":\"string\"}}}}}}",
         "{\"a\":{\"b\":[\"x\",1]}}", "a.b.1: expected string, got 1\n");
    says("{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}",
         ": \"abc\" is no key here; expected string of at most 2 characters\n");
    says("{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
         ": \"b\" is missing; \"a\" needs it\n");
    says("{\"minProperties\":2}", "{\"a\":1}", ": expected at least 2 keys, got 1\n");
    says("{\"maxProperties\":0}", "{\"a\":1}", ": expected at most 0 keys, got 1\n");
    says("{\"patternProperties\":{\"^n\":{\"type\":\"number\"}},\"additionalProperties\":{\"type\":"
         "\"string\"}}",
         "{\"n1\":\"\",\"s\":1}", "n1: expected number, got \"\"\ns: expected string, got 1\n");
    says("{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}",
         "{\"a\":1,\"b\":2}", "b: unknown key\n");
}

static void test_arrays(void **state)
{
    (void)state;
    says("{\"minItems\":2}", "[1]", ": expected at least 2 items, got 1\n");
    says("{\"maxItems\":0}", "[1]", ": expected at most 0 items, got 1\n");
    says("{\"uniqueItems\":true}", "[1,{\"a\":1,\"b\":2},1.5,{\"b\":2.0,\"a\":1}]",
         ": items 1 and 3 are the same\n");
    says("{\"contains\":{\"type\":\"integer\"},\"minContains\":2}", "[1,\"x\"]",
         ": expected at least 2 items that are integer, got 1\n");
    says("{\"contains\":{\"type\":\"integer\"},\"maxContains\":1}", "[1,2]",
         ": expected at most 1 items that are integer, got 2\n");
    says("{\"prefixItems\":[{\"type\":\"null\"}],\"items\":{\"type\":\"string\"}}", "[1,2]",
         "0: expected null, got 1\n1: expected string, got 2\n");
    says("{\"contains\":{\"const\":1},\"unevaluatedItems\":{\"type\":\"string\"}}", "[1,\"a\",2]",
         "2: expected string, got 2\n");
    says("{\"prefixItems\":[true],\"unevaluatedItems\":false}", "[1,2]",
         ": item 1 is one too many\n");
}

static void test_combinations(void **state)
{
    const char *schema =
        "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"required\":[\"a\"]},"
        "{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"integer\"}}}]}";
    (void)state;
    says(schema, "3", ": expected string or object, got 3\n");
    says(schema, "{\"b\":\"x\"}", ": \"a\" is missing\n");
    says("{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1},{\"type\":\"null\"}]}", "0",
         ": expected integer >= 1 or null, got 0\n");
    says("{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "3",
         ": this fits more than one of the alternatives\n");
    says("{\"not\":{\"type\":\"string\"}}", "\"x\"", ": this must not be string\n");
    says("{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":["
         "\"c\"]}}",
         "{\"a\":1}", ": \"b\" is missing\n");
    says("{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":["
         "\"c\"]}}",
         "{}", ": \"c\" is missing\n");
    says("{\"anyOf\":[{\"properties\":{\"a\":true},\"required\":[\"a\"]},{\"properties\":{\"b\":"
         "true}}],"
         "\"unevaluatedProperties\":false}",
         "{\"a\":1,\"b\":2}", "");
    says("{\"not\":{\"not\":{\"properties\":{\"a\":true}}},\"unevaluatedProperties\":false}",
         "{\"a\":1}", "a: unknown key\n");
    says("{\"oneOf\":[{\"$ref\":\"#/$defs/"
         "o\"},{\"type\":\"null\"}],\"$defs\":{\"o\":{\"type\":\"object\","
         "\"properties\":{\"n\":{\"type\":\"integer\"}}}}}",
         "{\"n\":\"x\"}", "n: expected integer, got \"x\"\n");
}

static void test_references(void **state)
{
    (void)state;
    says("{\"$id\":\"http://a.example/x/root.json\",\"$defs\":{\"i\":{\"$id\":\"sub/"
         "item.json\",\"$anchor\":\"n\","
         "\"type\":\"integer\"}},\"items\":{\"$ref\":\"sub/item.json#n\"},\"minItems\":1}",
         "[\"x\"]", "0: expected integer, got \"x\"\n");
    says("{\"$id\":\"http://a.example/x/root.json\",\"$defs\":{\"i\":{\"$id\":\"/"
         "y\",\"type\":\"integer\"}},"
         "\"items\":{\"$ref\":\"http://a.example/y\"}}",
         "[\"x\"]", "0: expected integer, got \"x\"\n");
    says("{\"$id\":\"http://a.example/x/y/root\",\"$defs\":{\"i\":{\"$id\":\"../z/./"
         "item\",\"type\":\"null\"}},"
         "\"items\":{\"$ref\":\"/../x/q/../z/item\"}}",
         "[1]", "0: expected null, got 1\n");
    says("{\"x-own\":{\"deep\":[{\"type\":\"null\"}]},\"items\":{\"$ref\":\"#/x-own/deep/0\"}}",
         "[1]", "0: expected null, got 1\n");
    says("{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/"
         "b\"},\"b\":{\"type\":\"null\"}}}",
         "1", ": expected null, got 1\n");
    /* A tree whose nodes an extension makes strict. */
    says("{\"$id\":\"http://a.example/strict\",\"$dynamicAnchor\":\"node\",\"$ref\":\"tree\","
         "\"unevaluatedProperties\":false,\"$defs\":{\"t\":{\"$id\":\"tree\",\"$dynamicAnchor\":"
         "\"node\","
         "\"type\":\"object\",\"properties\":{\"data\":true,\"kids\":{\"type\":\"array\",\"items\":"
         "{\"$dynamicRef\":\"#node\"}}}}}}",
         "{\"kids\":[{\"daat\":1}]}", "kids.0.daat: unknown key\n");
    refuses("{\"$ref\":\"other.json\"}",
            "schema: $ref \"other.json\" is not in this document; put that schema "
            "under $defs");
    refuses("{\"$ref\":\"#/$defs/x\"}",
            "schema: $ref \"#/$defs/x\": there is nothing at that place of the document");
    refuses("{\"$ref\":\"#x\"}", "schema: $ref \"#x\": there is no $anchor of that name");
    refuses("{\"$ref\":\"#\"}", "schema: a $ref leads back to itself and would never end");
    refuses("{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/"
            "a\"}],\"$defs\":{\"a\":{\"allOf\":[{\"$ref\":\"#\"}]}}}",
            "schema: a $ref leads back to itself and would never end");
    refuses("{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}",
            "schema: $defs: b: $anchor: \"x\" is the name of two schemas");
}

static void test_bad_schemas(void **state)
{
    (void)state;
    refuses("3", "schema: a schema must be an object or true or false, not a number");
    refuses("{\"properties\":{\"a\":{\"type\":\"integre\"}}}",
            "schema: properties: a: type: expected null, boolean, integer, number, string, array "
            "or object");
    refuses("{\"items\":[{}]}",
            "schema: items: a schema must be an object or true or false, not an array");
    refuses("{\"allOf\":{}}", "schema: allOf: expected an array of schemas, found an object");
    refuses("{\"minLength\":-1}", "schema: minLength: expected an integer >= 0");
    refuses("{\"minimum\":\"1\"}", "schema: minimum: expected a number");
    refuses("{\"multipleOf\":0}", "schema: multipleOf: expected a number > 0");
    refuses("{\"multipleOf\":1234567890123456789}",
            "schema: multipleOf: at most 18 digits are supported");
    refuses("{\"pattern\":\"(\"}",
            "schema: pattern: regular expression \"(\": missing closing parenthesis at offset 1");
    refuses("{\"patternProperties\":{\"[\":{}}}",
            "schema: patternProperties: regular expression \"[\": missing "
            "terminating ] for character class at offset 1");
    refuses("{\"required\":\"a\"}", "schema: required: expected an array of strings");
    refuses("{\"enum\":1}", "schema: enum: expected an array");
    refuses("{\"uniqueItems\":1}", "schema: uniqueItems: expected true or false");
}

/* Deep instances and schemas that branch at each level must end. */
static void test_bounds(void **state)
{
    struct buf text = BUF;
    struct error error;
    struct json *root, *node;
    struct schema *s;
    (void)state;
    root = parse("{\"anyOf\":[{\"items\":{\"$ref\":\"#\"},\"minItems\":1},{\"items\":{\"$ref\":\"#"
                 "\"},\"maxItems\":1},"
                 "{\"items\":{\"$ref\":\"#\"},\"minItems\":2}],\"type\":\"array\"}");
    for (int i = 0; i < 400; i++)
        buf_char(&text, '[');
    buf_char(&text, '1');
    for (int i = 0; i < 400; i++)
        buf_char(&text, ']');
    node = parse(buf_text(&text));
    s = schema_compile(root, &error);
    assert_non_null(s);
    assert_true(schema_check(s, node, NULL, NULL) > 0);
    buf_clear(&text);
    assert_true(schema_check(s, node, collect, &text) > 0);
    assert_non_null(strstr(buf_text(&text), "nests or repeats too much"));
    schema_free(s);
    json_free(node);
    json_free(root);
    buf_free(&text);
    schema_free(NULL);
}

static void fills(const char *schema, const char *instance, const char *expected)
{
    struct error error = {0};
    struct json *root = parse(schema), *node = parse(instance);
    struct schema *s = schema_compile(root, &error);
    struct buf out = BUF;
    assert_non_null(s);
    schema_fill(s, node);
    json_write(node, 0, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
    schema_free(s);
    json_free(node);
    json_free(root);
}

static void test_fill(void **state)
{
    (void)state;
    fills("{\"properties\":{\"a\":{\"default\":1},\"b\":{\"default\":{},\"properties\":{\"c\":{"
          "\"default\":[2]}}},"
          "\"d\":{}}}",
          "{\"a\":null}", "{\"a\":null,\"b\":{\"c\":[2]}}");
    fills("{\"items\":{\"properties\":{\"a\":{\"default\":1}}}}", "[{},{\"a\":2},3]",
          "[{\"a\":1},{\"a\":2},3]");
    fills("{\"prefixItems\":[{\"properties\":{\"p\":{\"default\":0}}}],\"items\":{\"properties\":{"
          "\"a\":{\"default\":1}}}}",
          "[{},{}]", "[{\"p\":0},{\"a\":1}]");
    fills("{\"$ref\":\"#/$defs/"
          "x\",\"allOf\":[{\"properties\":{\"b\":{\"default\":2}}}],\"$defs\":{\"x\":"
          "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/one\"}}},\"one\":{\"default\":1}}}",
          "{}", "{\"a\":1,\"b\":2}");
    fills("{\"if\":{\"required\":[\"k\"]},\"then\":{\"properties\":{\"a\":{\"default\":1}}},"
          "\"else\":{\"properties\":"
          "{\"b\":{\"default\":2}}}}",
          "{\"k\":0}", "{\"k\":0,\"a\":1}");
    fills("{\"anyOf\":[{\"type\":\"array\"},{\"properties\":{\"a\":{\"default\":1}}}]}", "{}",
          "{\"a\":1}");
    fills("{\"additionalProperties\":{\"properties\":{\"a\":{\"default\":1}}}}", "{\"x\":{}}",
          "{\"x\":{\"a\":1}}");
}

/* A default that holds itself: filled some levels deep, and no further. */
static void test_fill_ends(void **state)
{
    struct error error;
    struct json *root = parse("{\"properties\":{\"a\":{\"default\":{},\"$ref\":\"#\"}}}"),
                *node = parse("{}");
    struct schema *s = schema_compile(root, &error);
    (void)state;
    assert_non_null(s);
    schema_fill(s, node);
    assert_non_null(json_path(node, "a.a.a"));
    schema_free(s);
    json_free(node);
    json_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_objects),
        cmocka_unit_test(test_arrays),     cmocka_unit_test(test_combinations),
        cmocka_unit_test(test_references), cmocka_unit_test(test_bad_schemas),
        cmocka_unit_test(test_bounds),     cmocka_unit_test(test_fill),
        cmocka_unit_test(test_fill_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
