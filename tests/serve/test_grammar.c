/* Grammars accept exactly the JSON they describe, byte by byte and in any cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/json.h"
#include "serve/grammar_json.h"
#include "serve/stops.h"

/* Whole in one piece, and bytewise. */
static bool accepts(const struct grammar *g, const char *text)
{
    struct grammar_state *whole = grammar_state_new(g), *bytes = grammar_state_new(g);
    bool one, many = true;
    one = grammar_follow(whole, slice_of(text)) && grammar_complete(whole);
    for (const char *c = text; *c != '\0' && many; c++) {
        many = grammar_allows(bytes, slice_from(c, 1));
        many = grammar_follow(bytes, slice_from(c, 1)) && many;
    }
    many = many && grammar_complete(bytes);
    assert_int_equal(one, many);
    grammar_state_free(whole);
    grammar_state_free(bytes);
    return one;
}

static void test_json_object(void **state)
{
    static const char *const good[] = {
        "{}",
        "{ }",
        "{\"a\":1}",
        "{\"a\": [1, -2.5, 0, true, null, \"x\\n\\u00e9\"]}",
        "{\n  \"a\": {\n    \"b\": []\n  },\n  \"c\": \"\xC3\xA9\xF0\x9F\x98\x80\"\n}",
        NULL};
    static const char *const bad[] = {"",
                                      "[]",
                                      "1",
                                      "{",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":01}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{\"a\":\"\x01\"}",
                                      "{\"a\":\"\xC3\"}",
                                      "{\"a\":\"\xED\xA0\x80\"}",
                                      "{\"a\":\"\\ud800\"}",
                                      "{\"a\":tru}",
                                      "{} ",
                                      "{\"a\":1.}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":1 2}",
                                      NULL};
    struct grammar *g = grammar_json_object();
    (void)state;
    for (int i = 0; good[i] != NULL; i++)
        assert_true(accepts(g, good[i]));
    for (int i = 0; bad[i] != NULL; i++)
        if (accepts(g, bad[i]))
            fail_msg("accepted: %s", bad[i]);
    grammar_free(g);
}

static const char ticket[] =
    "{\"type\":\"object\",\"title\":\"Ticket\",\"properties\":{"
    "\"category\":{\"enum\":[\"bug\",\"bill\"]},"
    "\"urgency\":{\"type\":\"integer\"},"
    "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":3},\"minItems\":1,"
    "\"maxItems\":2},"
    "\"next\":{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/node\"}]}},"
    "\"required\":[\"category\",\"next\"],\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":"
    "{\"child\":{\"anyOf\":[{\"$ref\":\"#/$defs/node\"},{\"type\":\"boolean\"}]}},"
    "\"required\":[\"child\"]}}}";

/* The schema's grammar takes all good texts and no bad one. */
static void follows(const char *text, const char *const *good, const char *const *bad)
{
    struct error error = {0};
    struct json *schema = json_parse(slice_of(text), 0, &error);
    struct grammar *g = grammar_json_schema(schema, &error);
    assert_non_null(g);
    for (int i = 0; good[i] != NULL; i++)
        assert_true(accepts(g, good[i]));
    for (int i = 0; bad[i] != NULL; i++)
        if (accepts(g, bad[i]))
            fail_msg("accepted: %s", bad[i]);
    grammar_free(g);
    json_free(schema);
}

static void test_schema(void **state)
{
    static const char *const good[] = {
        "{\"category\":\"bug\",\"next\":null}",
        "{\"category\":\"bill\",\"urgency\":-3,\"tags\":[\"a\",\"bcd\"],\"next\":null}",
        "{\"category\":\"bill\", \"tags\":[\"\xC3\xA9\xC3\xA9\xC3\xA9\"], \"next\":null}",
        "{\"category\":\"bug\",\"next\":{\"child\":{\"child\":true}}}", NULL};
    static const char *const bad[] = {
        "{}",
        "{\"category\":\"bug\"}",
        "{\"next\":null}",
        "{\"category\":\"other\",\"next\":null}",
        "{\"category\":\"bug\",\"urgency\":1.5,\"next\":null}",
        "{\"category\":\"bug\",\"tags\":[],\"next\":null}",
        "{\"category\":\"bug\",\"tags\":[\"a\",\"b\",\"c\"],\"next\":null}",
        "{\"category\":\"bug\",\"tags\":[\"abcd\"],\"next\":null}",
        "{\"category\":\"bug\",\"next\":null,\"x\":1}",
        NULL};
    (void)state;
    follows(ticket, good, bad);
}

/* Objects of which the schema says what all values are, or that there are none. */
static void test_maps(void **state)
{
    static const char *const good[] = {"{}", "{\"a\":1}", "{\"a\": 1, \"b c\":-20 }", NULL};
    static const char *const bad[] = {"{\"a\":\"x\"}", "{\"a\":1,}", "{,}", "{1:1}", NULL};
    static const char *const none[] = {"{}", NULL};
    (void)state;
    follows("{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}", good, bad);
    follows("{\"type\":\"object\",\"additionalProperties\":false}", none, good + 1);
    follows("{\"properties\":{},\"additionalProperties\":{\"type\":\"integer\"}}", good, bad);
}

static void refuses(const char *text, const char *word)
{
    struct error error = {0};
    struct json *schema = json_parse(slice_of(text), 0, &error);
    assert_non_null(schema);
    assert_null(grammar_json_schema(schema, &error));
    if (strstr(error.text, word) == NULL)
        fail_msg("'%s' does not name '%s'", error.text, word);
    json_free(schema);
}

static void test_refused(void **state)
{
    (void)state;
    refuses("{\"type\":\"string\",\"pattern\":\"a+\"}", "pattern");
    refuses("{\"type\":\"integer\",\"minimum\":3}", "minimum");
    refuses("{\"type\":\"thing\"}", "thing");
    refuses("{\"$ref\":\"#/$defs/none\"}", "none");
    refuses("{\"enum\":[]}", "empty");
    refuses("{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\",\"other\"]}",
            "other");
    refuses("{\"type\":\"object\",\"required\":[\"other\"]}", "other");
    refuses("{\"type\":\"array\",\"minItems\":100000}", "minItems");
    refuses("{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\"}},\"$ref\":\"#/$defs/a\"}", "$ref");
}

/* Deep nesting ends at a bound instead of growing without one. */
static void test_depth(void **state)
{
    struct grammar *g = grammar_json_object();
    struct grammar_state *s = grammar_state_new(g);
    int depth = 0;
    (void)state;
    assert_true(grammar_follow(s, SLICE("{\"a\":")));
    while (depth < 10000 && grammar_follow(s, SLICE("[")))
        depth++;
    assert_int_equal(depth, 23);
    assert_true(grammar_follow(s, SLICE("1")));
    grammar_state_free(s);
    grammar_free(g);
}

static void test_stops(void **state)
{
    const struct slice stops[] = {SLICE("\n\n"), SLICE("END")};
    bool stopped;
    (void)state;
    assert_int_equal(stops_ready(stops, 2, SLICE("hello"), &stopped), 5);
    assert_false(stopped);
    assert_int_equal(stops_ready(stops, 2, SLICE("hello\n"), &stopped), 5);
    assert_int_equal(stops_ready(stops, 2, SLICE("the E"), &stopped), 4);
    assert_int_equal(stops_ready(stops, 2, SLICE("the EN"), &stopped), 4);
    assert_false(stopped);
    assert_int_equal(stops_ready(stops, 2, SLICE("the END\n\n"), &stopped), 4);
    assert_true(stopped);
    assert_int_equal(stops_ready(stops, 0, SLICE("x"), &stopped), 1);
    assert_false(stopped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_object), cmocka_unit_test(test_schema),
        cmocka_unit_test(test_maps),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),       cmocka_unit_test(test_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
