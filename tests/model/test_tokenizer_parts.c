/*
 * Each kind of part against the tokenizers library: tests/model/data/components.jsonl (made by
 * make_components.py there); the hand-written split patterns against PCRE2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "model/tokenizer/parts.h"
#include "tests/model/shared.h"

#include <string.h>

static bool same_ids(const struct tokens *got, const struct json *want)
{
    bool same = json_count(want) == got->n;
    for (size_t i = 0; same && i < got->n; i++)
        same = got->ids[i] == (int32_t)json_number(json_at(want, i), -1);
    return same;
}

static void complain(const char *name, const struct json *c, const char *field,
                     const struct tokens *got)
{
    struct buf b = BUF;
    json_write(json_get(c, "text"), JSON_ASCII, &b);
    buf_str(&b, " want ");
    json_write(json_get(c, field), JSON_ASCII, &b);
    print_message("%s: %s %s got ", name, field, buf_text(&b));
    for (size_t i = 0; i < got->n; i++)
        print_message("%d,", got->ids[i]);
    print_message("\n");
    buf_free(&b);
}

static int check_text(const char *name, const struct tokenizer *t, struct tokenizer_scratch *s,
                      const struct json *c)
{
    static const struct {
        const char *field;
        unsigned flags;
    } ways[] = {
        {"ids", TOKENIZER_PARSE},
        {"special", TOKENIZER_PARSE | TOKENIZER_TEMPLATE},
        {"plain", 0},
    };
    struct tokens got = TOKENS;
    struct error error = {0};
    struct buf text = BUF;
    int failed = 0;
    for (size_t i = 0; i < 3; i++) {
        for (unsigned ranged = 0; ranged < 2; ranged++) {
            tokens_clear(&got);
            assert_int_equal(tokenizer_encode(t, s, json_string(json_get(c, "text")),
                                              ways[i].flags | ranged * TOKENIZER_RANGES, &got,
                                              &error),
                             0);
            if (!same_ids(&got, json_get(c, ways[i].field))) {
                complain(name, c, ways[i].field, &got);
                failed++;
            }
        }
        tokens_free(&got);
    }
    for (const struct json *i = json_first(json_get(c, "ids")); i != NULL; i = json_next(i))
        tokens_push(&got, (int32_t)json_number(i, -1));
    tokenizer_decode(t, got.ids, got.n, 0, &text);
    if (!slice_equal(buf_view(&text), json_string(json_get(c, "decoded")))) {
        complain(name, c, "decoded", &got);
        print_message("  got %s\n", buf_text(&text));
        failed++;
    }
    tokens_free(&got);
    buf_free(&text);
    return failed;
}

static void check_component(const struct json *row, void *context)
{
    const char *name = json_text(json_get(row, "name"), "");
    struct buf json = BUF;
    struct error error = {0};
    struct tokenizer *t;
    struct tokenizer_scratch *s;
    int *failed = context;
    json_write(json_get(row, "tokenizer"), 0, &json);
    t = tokenizer_parse(buf_view(&json), (struct slice){NULL, 0}, &error);
    if (t == NULL)
        fail_msg("%s: %s", name, error.text);
    s = tokenizer_scratch_new(t);
    for (const struct json *c = json_first(json_get(row, "cases")); c != NULL; c = json_next(c))
        *failed += check_text(name, t, s, c);
    tokenizer_scratch_free(s);
    tokenizer_free(t);
    buf_free(&json);
}

static void test_components(void **state)
{
    int failed = 0, n;
    (void)state;
    n = shared_rows("tests/model/data/components.jsonl", check_component, &failed);
    print_message("%d tokenizers, %d texts differ\n", n, failed);
    assert_true(n > 50);
    assert_int_equal(failed, 0);
}

/* --- split patterns --------------------------------------------------------------------- */

/* Text out of characters that the patterns tell apart. */
static void random_text(struct rng *rng, struct buf *out)
{
    static const char *const bits[] = {
        "a",
        "B",
        "s",
        "t",
        "re",
        "ll",
        "VE",
        "'",
        "'",
        " ",
        " ",
        "  ",
        "\n",
        "\r",
        "\r\n",
        "\t",
        "1",
        "23",
        "!",
        ".",
        "-",
        "_",
        "\xC3\xA9",
        "\xCC\x81",
        "\xE4\xBD\xA0",
        "\xC5\xBF",
        "\xC2\xA0",
        "\xE3\x80\x80",
        "\xE2\x80\xA8",
        "\xC2\xBD",
        "\xD9\xA3",
        "\xF0\x9F\x98\x80",
        "\xC2\x85",
        "\x1C",
        "\x0B",
        "\xE0\xB8\xB1",
        "\xE2\x96\x81",
        "\xF0\x9D\x9F\x98",
        "\xC2\xAD",
        "\xE2\x80\x8B",
        "\x7F",
        "\xEF\xBC\x91",
    };
    uint32_t n = 1 + rng_below(rng, 24);
    buf_clear(out);
    for (uint32_t i = 0; i < n; i++)
        buf_str(out, bits[rng_below(rng, sizeof bits / sizeof *bits)]);
}

static void compare_split(const char *pattern, split_matcher *match, struct rng *rng)
{
    struct error error = {0};
    struct regex *regex = regex_compile(pattern, 0, &error);
    struct regex_match *m;
    struct buf text = BUF;
    assert_non_null(regex);
    m = regex_match_new(regex);
    for (int round = 0; round < 20000; round++) {
        random_text(rng, &text);
        for (size_t at = 0; at < text.len;) {
            size_t b, e, n = match(text.data + at, text.len - at);
            assert_int_equal(regex_find_valid(regex, buf_view(&text), at, m, &error), 1);
            assert_true(regex_group(m, 0, &b, &e) != 0);
            if (b != at || e != at + n)
                fail_msg("%s\n on \"%s\" at %zu: %zu bytes, PCRE2 has %zu", pattern,
                         buf_text(&text), at, n, e - b);
            at += n;
        }
    }
    regex_match_free(m);
    regex_free(regex);
    buf_free(&text);
}

static void test_split(void **state)
{
    static const char *const names[] = {"gpt-2", "qwen2", "llama-bpe"};
    struct rng rng = rng_new(7, 1);
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const char *pattern = split_pattern_named(slice_of(names[i])), *name = NULL;
        split_matcher *match = split_known(pattern, &name);
        assert_string_equal(name, names[i]);
        compare_split(pattern, match, &rng);
    }
}

/* --- the alphabet ----------------------------------------------------------------------- */

static void test_alphabet(void **state)
{
    bool seen[0x144] = {false};
    (void)state;
    for (int i = 0; i < 256; i++) {
        uint32_t c = alphabet_char((unsigned char)i);
        assert_true(c < 0x144 && !seen[c]);
        seen[c] = true;
        assert_int_equal(alphabet_byte(c), i);
    }
    assert_int_equal(alphabet_byte(' '), -1);
    assert_int_equal(alphabet_byte(0x144), -1);
    assert_int_equal(alphabet_char(' '), 0x120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_components),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_alphabet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
