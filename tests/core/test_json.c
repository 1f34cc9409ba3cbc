/* The JSON reader, tree and writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/rng.h"

static struct json *parse(const char *text, unsigned flags)
{
    struct error error = {0};
    struct json *root = json_parse(slice_of(text), flags, &error);
    if (root == NULL)
        print_message("%s\n", error.text);
    assert_non_null(root);
    return root;
}

static void writes(const char *text, unsigned read, unsigned flags, const char *expected)
{
    struct buf out = BUF;
    struct json *root = parse(text, read);
    assert_int_equal(json_write(root, flags, &out), 0);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
    json_free(root);
}

static void fails(const char *text, unsigned flags, const char *expected)
{
    struct error error = {0};
    assert_null(json_parse(slice_of(text), flags, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_string_equal(error.text, expected);
}

static void test_messages(void **state)
{
    (void)state;
    fails("", 0, "1:1: expected a value, found the end of the text");
    fails("{\n  \"a\": 1,\n}", 0, "3:1: expected a key in double quotes, found \"}\"");
    fails("[1 2]", 0, "1:4: expected \",\" or \"]\", found \"2\"");
    fails("{\"a\":1 \"b\":2}", 0, "1:8: expected \",\" or \"}\", found '\"'");
    fails("{\"a\" 1}", 0, "1:6: expected \":\" after the key, found \"1\"");
    fails("[\"\xC3\xA9\", x]", 0, "1:7: expected a value, found \"x\"");
    fails("[01]", 0, "1:2: a number must not begin with 0");
    fails("[1.]", 0, "1:4: expected a digit after the point, found \"]\"");
    fails("\"abc", 0, "1:1: this string has no end");
    fails("\"a\nb\"", 0, "1:3: a control character in a string must be escaped");
    fails("\"\\q\"", 0, "1:2: a backslash must be followed by one of \" \\ / b f n r t u");
    fails("\"\\ud800\"", 0, "1:2: half of a surrogate pair");
    fails("\"\xFF\"", 0, "1:2: invalid UTF-8");
    fails("[1] // c", 0, "1:5: expected the end of the text, found \"/\"");
    fails("[1] /* c", JSON_COMMENTS, "1:5: this comment has no end; close it with */");
    fails("[1,,]", JSON_COMMENTS, "1:4: expected a value, found \",\"");
    fails("[,]", JSON_COMMENTS, "1:2: expected a value, found \",\"");
}

static void test_depth(void **state)
{
    char text[2 * JSON_MAX_DEPTH + 4];
    struct json *root;
    (void)state;
    memset(text, '[', JSON_MAX_DEPTH);
    memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    text[2 * JSON_MAX_DEPTH] = '\0';
    root = parse(text, 0);
    json_free(root);
    memset(text, '[', JSON_MAX_DEPTH + 1);
    fails(text, 0, "1:513: nested too deeply (more than 512 levels)");
}

static void test_comments(void **state)
{
    const char *text = "\xEF\xBB\xBF// head\n{ /* a */ \"a\": [1, 2, /* tail, */ ], // \"x\n"
                       "\"b\": \"// no comment /* here */\", } // end";
    (void)state;
    writes(text, JSON_COMMENTS, 0, "{\"a\":[1,2],\"b\":\"// no comment /* here */\"}");
}

static void test_numbers(void **state)
{
    (void)state;
    writes("[1, 1.0, -0, 1e3, 0.1, 1e21, 123456789012, 5e-324, 1.7976931348623157e308]", 0, 0,
           "[1,1,-0,1000,0.1,1e+21,123456789012,5e-324,1.7976931348623157e+308]");
    writes("[9007199254740992, 9007199254740993, -9223372036854775808]", 0, 0,
           "[9007199254740992,9007199254740993,-9223372036854775808]");
    writes("[18446744073709551615, "
           "100000000000000000000000000000000000000000000000000000000000000001]",
           0, 0,
           "[18446744073709551615,"
           "100000000000000000000000000000000000000000000000000000000000000001]");
    writes(
        "[1e400, -1e-400, 0.333333333333333333333333333333333333333333333333333333333333333333333]",
        0, 0, "[1e400,-0,0.3333333333333333]");
    writes("[0.0001, 0.000001, 0.0000001, 2e-4, 1e-5, 1234.5678]", 0, 0,
           "[0.0001,0.000001,1e-7,0.0002,0.00001,1234.5678]");
}

static void test_integers(void **state)
{
    struct json *root = parse("[9007199254740993, 1e3, 1.5, 9223372036854775807, "
                              "9223372036854775808, -9223372036854775808, 1e18, 1e400, \"7\"]",
                              0);
    int64_t x = 0;
    (void)state;
    assert_int_equal(json_integer(json_at(root, 0), &x), 0);
    assert_int_equal(x, 9007199254740993);
    assert_int_equal(json_integer(json_at(root, 1), &x), 0);
    assert_int_equal(x, 1000);
    assert_int_equal(json_integer(json_at(root, 2), &x), -1);
    assert_int_equal(json_integer(json_at(root, 3), &x), 0);
    assert_true(x == INT64_MAX);
    assert_int_equal(json_integer(json_at(root, 4), &x), -1);
    assert_int_equal(json_integer(json_at(root, 5), &x), 0);
    assert_true(x == INT64_MIN);
    assert_int_equal(json_integer(json_at(root, 6), &x), 0);
    assert_true(x == 1000000000000000000);
    assert_int_equal(json_integer(json_at(root, 7), &x), -1);
    assert_true(json_number(json_at(root, 7), -1) == -1);
    assert_int_equal(json_integer(json_at(root, 8), &x), -1);
    assert_int_equal(json_integer(NULL, &x), -1);
    json_free(root);
    root = json_new_integer(INT64_MAX);
    assert_int_equal(json_integer(root, &x), 0);
    assert_true(x == INT64_MAX);
    json_free(root);
}

static void test_strings(void **state)
{
    struct json *root = parse("[\"a\\u0000b\\n\\ud83d\\ude00\", {\"k\\u0000\": \"\\u0000\"}]", 0);
    (void)state;
    assert_true(slice_equal(json_string(json_at(root, 0)), SLICE("a\0b\n\xF0\x9F\x98\x80")));
    assert_string_equal(json_key(json_first(json_at(root, 1))), "k\xEF\xBF\xBD");
    assert_true(slice_equal(json_string(json_path(root, "1.k\xEF\xBF\xBD")), SLICE("\0")));
    json_free(root);
    writes("\"a\\u0000\\u001f\\t\\\"\\\\/\x7F\xC3\xA9\"", 0, 0,
           "\"a\\u0000\\u001f\\t\\\"\\\\/\x7F\xC3\xA9\"");
    writes("\"\xC3\xA9\xF0\x9F\x98\x80\"", 0, JSON_ASCII, "\"\\u00e9\\ud83d\\ude00\"");
}

static void test_repair(void **state)
{
    (void)state;
    writes("\"a\\ud800\\u0041\\ude00\\ud83d\\ud83d\\ude00\"", JSON_REPAIR, JSON_ASCII,
           "\"a\\ufffdA\\ufffd\\ufffd\\ud83d\\ude00\"");
    writes("\"\xC0\x80 \xE2\x82 \xF0\x9F\x98\\u0000\"", JSON_REPAIR, JSON_ASCII,
           "\"\\ufffd\\ufffd \\ufffd \\ufffd\\u0000\"");
    writes("{\"\\ud800\xFF\":\"\\udc00\\u0000\"}", JSON_REPAIR, JSON_ASCII,
           "{\"\\ufffd\\ufffd\":\"\\ufffd\\u0000\"}");
    fails("[1] \xFF", JSON_REPAIR, "1:5: expected the end of the text, found byte 0xFF");
}

static void test_writer_repairs(void **state)
{
    struct json *node = json_new_string(SLICE("a\xFF\0z\xE2\x82"));
    struct buf out = BUF;
    (void)state;
    json_write(node, JSON_ASCII, &out);
    json_write(node, 0, &out);
    assert_string_equal(buf_text(&out),
                        "\"a\\ufffd\\u0000z\\ufffd\"\"a\xEF\xBF\xBD\\u0000z\xEF\xBF\xBD\"");
    json_free(node);
    buf_free(&out);
}

static void test_canonical(void **state)
{
    (void)state;
    writes("{\"b\": 1.0, \"a\": [ -0, 1e2 ], \"\": null, \"b\": 2}", 0,
           JSON_CANONICAL | JSON_PRETTY, "{\"\":null,\"a\":[0,100],\"b\":2}");
    writes(
        "[10000000000000000000000000000000, 1e31, 123456789012345678901234567890, 10e399, 1e400]",
        0, JSON_CANONICAL, "[1e+31,1e+31,123456789012345678901234567890,1e+400,1e+400]");
}

static void test_pretty(void **state)
{
    (void)state;
    writes("{\"a\":[1,{}],\"b\":[]}", 0, JSON_PRETTY,
           "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}\n");
}

static void test_build(void **state)
{
    struct json *root = json_new_object(), *list = json_new_array(), *copy;
    struct buf out = BUF, small = BUF_MAX(10);
    (void)state;
    json_put_text(root, "name", "x");
    json_put_text(root, "nothing", NULL);
    json_put_integer(root, "big", INT64_MIN);
    json_put_number(root, "nan", (double)strtof("nan", NULL));
    json_put_bool(root, "yes", true);
    json_put_string(root, "nul", SLICE("a\0b"));
    json_push(list, json_new_number(0.5));
    json_put(root, "list", list);
    json_put_text(root, "name", "y");
    json_remove(root, "yes");
    copy = json_copy(root);
    assert_true(json_equal(root, copy));
    json_write(copy, 0, &out);
    assert_string_equal(
        buf_text(&out),
        "{\"name\":\"y\",\"nothing\":null,\"big\":-9223372036854775808,\"nan\":null,"
        "\"nul\":\"a\\u0000b\",\"list\":[0.5]}");
    assert_int_equal(json_write(root, 0, &small), -1);
    json_put(json_edit(root, "list"), "k", json_new_null()); /* no object: dropped */
    json_push(json_edit(root, "name"), json_new_null());
    assert_true(json_equal(root, copy));
    json_put_text(json_edit(root, "list"), "k", "v");
    buf_free(&out);
    buf_free(&small);
    json_free(root);
    json_free(copy);
}

static void test_getters(void **state)
{
    struct json *root = parse(
        "{\"choices\":[{\"message\":{\"content\":\"hi\"}}],\"n\":1.5,\"t\":true,\"d\":1,\"d\":2}",
        0);
    (void)state;
    assert_string_equal(json_text(json_path(root, "choices.0.message.content"), ""), "hi");
    assert_null(json_path(root, "choices.1.message"));
    assert_null(json_path(root, "choices.x"));
    assert_null(json_path(root, "choices..message"));
    assert_null(json_path(root, "n.x"));
    assert_null(json_path(root, "choice"));
    assert_ptr_equal(json_path(root, ""), root);
    assert_true(json_number(json_get(root, "n"), 0) == 1.5);
    assert_true(json_number(json_get(root, "absent"), 7) == 7);
    assert_true(json_number(json_get(root, "d"), 0) == 2);
    assert_true(json_true(json_get(root, "t")));
    assert_false(json_true(json_get(root, "n")));
    assert_null(json_string(json_get(root, "n")).data);
    assert_string_equal(json_text(NULL, "none"), "none");
    assert_int_equal(json_count(root), 5);
    assert_int_equal(json_count(json_get(root, "n")), 0);
    assert_null(json_get(NULL, "a"));
    assert_null(json_get(json_get(root, "n"), "a"));
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_null(json_key(root));
    assert_int_equal(json_type(NULL), JSON_ABSENT);
    assert_string_equal(json_type_name(json_type(json_get(root, "choices"))), "array");
    json_free(root);
    json_free(NULL);
}

static void test_equal(void **state)
{
    struct json *root =
        parse("[[1, 1.0], [1, true], [{\"a\":1,\"b\":2},{\"b\":2,\"a\":1.0}],"
              "[9007199254740993, 9007199254740992], [[1],[1,1]],"
              "[{\"a\":1,\"a\":2},{\"a\":2}], [1e30, 1000000000000000000000000000000],"
              "[{\"a\":1},{\"b\":1}], [\"a\\u0000\",\"a\"], [null,null], [1e400,10e399]]",
              0);
    const bool expected[] = {true, false, true, false, false, true, true, false, false, true, true};
    size_t i = 0;
    (void)state;
    for (const struct json *pair = json_first(root); pair != NULL; pair = json_next(pair), i++)
        assert_int_equal(json_equal(json_at(pair, 0), json_at(pair, 1)), expected[i]);
    assert_int_equal(i, sizeof expected / sizeof *expected);
    json_free(root);
}

static void test_equal_many_keys(void **state)
{
    struct json *a = json_new_object(), *b = json_new_object();
    char key[16];
    (void)state;
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        json_put_integer(a, key, i);
        (void)snprintf(key, sizeof key, "k%d", 99 - i);
        json_put_integer(b, key, 99 - i);
    }
    assert_true(json_equal(a, b));
    json_put_integer(b, "k50", 51);
    assert_false(json_equal(a, b));
    json_free(a);
    json_free(b);
}

static void test_map(void **state)
{
    struct json_map *map = NULL;
    struct error error;
    struct json *root =
        json_parse_mapped(SLICE("{ // c\n  \"\xC3\xA9\": 1, \"b\": [\n    2, {\"c\": 3}]}\n"),
                          JSON_COMMENTS, &map, &error);
    int line = 0, column = 0;
    (void)state;
    assert_non_null(root);
    assert_true(json_where(map, root, &line, &column));
    assert_true(line == 1 && column == 1);
    assert_true(json_where(map, json_get(root, "b"), &line, &column));
    assert_true(line == 2 && column == 11);
    assert_true(json_where(map, json_path(root, "b.0"), &line, &column));
    assert_true(line == 3 && column == 5);
    assert_true(json_where(map, json_path(root, "b.1.c"), &line, &column));
    assert_true(line == 3 && column == 9);
    assert_false(json_where(map, NULL, &line, &column));
    json_map_free(map);
    json_free(root);
    map = NULL;
    assert_null(json_parse_mapped(SLICE("[1"), 0, &map, &error));
    assert_null(map);
}

/* A random tree, often with awkward strings and numbers. */
static struct json *random_tree(struct rng *r, int depth)
{
    struct json *node;
    char bytes[24];
    double x;
    uint64_t bits;
    switch (rng_below(r, depth > 0 ? 8 : 6)) {
    case 0: return json_new_null();
    case 1: return json_new_bool(rng_below(r, 2) != 0);
    case 2: return json_new_integer((int64_t)rng_u64(r) >> rng_below(r, 64));
    case 3:
        bits = rng_u64(r);
        memcpy(&x, &bits, sizeof x);
        return json_new_number(x);
    case 4: return json_new_number(rng_uniform(r) * 1000);
    case 5:
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)rng_below(r, 128);
        return json_new_string(slice_from(bytes, rng_below(r, sizeof bytes)));
    case 6:
        node = json_new_array();
        for (uint32_t n = rng_below(r, 6); n != 0; n--)
            json_push(node, random_tree(r, depth - 1));
        return node;
    default:
        node = json_new_object();
        for (uint32_t n = rng_below(r, 6); n != 0; n--) {
            (void)snprintf(bytes, sizeof bytes, "\xC3\xA9%c%u", (char)(1 + rng_below(r, 127)), n);
            json_put(node, bytes, random_tree(r, depth - 1));
        }
        return node;
    }
}

/* Whatever is written reads back equal, in each way of writing. */
static void test_round_trip(void **state)
{
    const unsigned ways[] = {0, JSON_PRETTY, JSON_CANONICAL, JSON_ASCII, JSON_ASCII | JSON_PRETTY};
    struct rng r = rng_new(7, 1);
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct json *tree = random_tree(&r, 4);
        struct buf out = BUF, first = BUF;
        json_write(tree, JSON_CANONICAL, &first);
        for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
            struct json *back;
            buf_clear(&out);
            json_write(tree, ways[k], &out);
            back = parse(buf_text(&out), 0);
            assert_true(json_equal(tree, back));
            buf_clear(&out);
            json_write(back, JSON_CANONICAL, &out);
            assert_string_equal(buf_text(&out), buf_text(&first));
            json_free(back);
        }
        buf_free(&out);
        buf_free(&first);
        json_free(tree);
    }
}

/* In an arena the tree is the same, its odd numbers and strings too; what fails leaves nothing. */
static void test_in_arena(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2.5e3,123456789012345678901,1e999,\"x\\u0000y\",\"\\ud83d"
        "\",null,true,{\"b\":{}}],\"c\":\"\"}";
    struct arena arena = ARENA;
    struct error error = {0};
    (void)state;
    struct json *owned = json_parse(slice_of(text), JSON_REPAIR, &error);
    const struct json *node = json_parse_in(&arena, slice_of(text), JSON_REPAIR, &error);
    assert_non_null(node);
    assert_true(json_equal(owned, node));
    assert_null(json_parse_in(&arena, SLICE("[1,{\"a\":"), 0, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_true(json_equal(owned, node));
    arena_free(&arena);
    struct json *after = json_parse(SLICE("[1]"), 0, NULL); /* and is not in the arena */
    assert_int_equal(json_count(after), 1);
    json_free(after);
    json_free(owned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),   cmocka_unit_test(test_depth),
        cmocka_unit_test(test_comments),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_integers),   cmocka_unit_test(test_strings),
        cmocka_unit_test(test_repair),     cmocka_unit_test(test_writer_repairs),
        cmocka_unit_test(test_canonical),  cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_build),      cmocka_unit_test(test_getters),
        cmocka_unit_test(test_equal),      cmocka_unit_test(test_equal_many_keys),
        cmocka_unit_test(test_in_arena),   cmocka_unit_test(test_map),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
