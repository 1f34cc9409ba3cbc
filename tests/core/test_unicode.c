/* UTF-8, normalisation, classes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/unicode.h"

static void test_valid(void **state)
{
    const char *good[] = {"",
                          "abc",
                          "\xC2\x80",
                          "\xDF\xBF",
                          "\xE0\xA0\x80",
                          "\xED\x9F\xBF",
                          "\xEE\x80\x80",
                          "\xEF\xBF\xBF",
                          "\xF0\x90\x80\x80",
                          "\xF4\x8F\xBF\xBF",
                          "12345678\xC3\xA9"};
    const char *bad[] = {"\x80",
                         "\xC0\x80",
                         "\xC1\xBF",
                         "\xC2",
                         "\xE0\x9F\xBF",
                         "\xED\xA0\x80",
                         "\xE2\x82",
                         "\xF0\x8F\xBF\xBF",
                         "\xF4\x90\x80\x80",
                         "\xF5\x80\x80\x80",
                         "\xFF",
                         "1234567\xC3"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(utf8_valid(slice_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(utf8_valid(slice_of(bad[i])));
    assert_true(utf8_valid(SLICE("a\0b")));
    assert_int_equal(utf8_first_bad(SLICE("abc\xC3\xA9\xFFz")), 5);
}

/* Every code point survives; every other lead and continuation is refused. */
static void test_all_code_points(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        struct buf b = BUF_MAX(8);
        uint32_t back = 0;
        if (c == 0xD800)
            c = 0xE000;
        buf_utf8(&b, c);
        assert_int_equal(utf8_decode(b.data, b.len, &back), b.len);
        assert_int_equal(back, c);
        if (b.len > 1)
            assert_int_equal(utf8_decode(b.data, b.len - 1, &back), 0);
        buf_free(&b);
    }
}

static void repairs(const char *text, const char *expected)
{
    struct buf out = BUF;
    assert_int_equal(utf8_repair(slice_of(text), &out), 0);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

/* The example of Unicode 3.9, table 3-8, and its neighbours. */
static void test_repair(void **state)
{
#define R "\xEF\xBF\xBD"
    (void)state;
    repairs("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", "a" R R R "b" R "c" R R "d");
    repairs("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", R R R R R R R R "A");
    repairs("\xED\xA0\x80", R R R);
    repairs("\xF0\x9F\x98", R);
    repairs("fine", "fine");
    assert_int_equal(utf8_count(SLICE("a\xC3\xA9\xF0\x9F\x98\x80")), 3);
    assert_int_equal(utf8_count(SLICE("\xFF\xFE"
                                      "a\xE2\x82")),
                     5);
#undef R
}

static void normalizes(const char *text, enum unicode_form form, const char *expected)
{
    struct buf out = BUF;
    assert_int_equal(unicode_normalize(slice_of(text), form, &out), 0);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void test_normalize(void **state)
{
    (void)state;
    normalizes("plain", UNICODE_NFKD, "plain");
    normalizes("e\xCC\x81", UNICODE_NFC, "\xC3\xA9");
    normalizes("\xC3\xA9", UNICODE_NFC, "\xC3\xA9");
    normalizes("\xC3\xA9", UNICODE_NFD, "e\xCC\x81");
    normalizes("\xEF\xAC\x81", UNICODE_NFKC, "fi");
    normalizes("\xEF\xAC\x81", UNICODE_NFC, "\xEF\xAC\x81");
    normalizes("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", UNICODE_NFC, "\xED\x95\x9C"); /* Hangul */
    normalizes("\xE3\x81\x8B\xE3\x82\x99", UNICODE_NFC, "\xE3\x81\x8C"); /* ka + voicing */
    normalizes("\xE2\x84\xAB", UNICODE_NFC, "\xC3\x85");                 /* angstrom */
    normalizes("\xF0\xAF\xA0\x80", UNICODE_NFC, "\xE4\xB8\xBD");         /* U+2F800 */
    normalizes("a\xFF", UNICODE_NFC, "a\xEF\xBF\xBD");
}

/* NFC of a code point must be NFC of its decomposition, whichever shortcut is taken: every
 * canonical composition there is passes here. */
static void test_compositions(void **state)
{
    (void)state;
    for (uint32_t c = 1; c < 0x30000; c++) {
        struct buf text = BUF, apart = BUF, direct = BUF, back = BUF;
        if (c == 0xD800)
            c = 0xE000;
        buf_utf8(&text, c);
        unicode_normalize(buf_view(&text), UNICODE_NFC, &direct);
        unicode_normalize(buf_view(&text), UNICODE_NFD, &apart);
        unicode_normalize(buf_view(&apart), UNICODE_NFC, &back);
        assert_string_equal(buf_text(&direct), buf_text(&back));
        buf_free(&text);
        buf_free(&apart);
        buf_free(&direct);
        buf_free(&back);
    }
}

static void test_case(void **state)
{
    struct buf out = BUF;
    (void)state;
    unicode_fold(SLICE("Stra\xC3\x9F"
                       "e \xEF\xBC\xA1"),
                 &out);
    assert_string_equal(buf_text(&out), "strasse a");
    buf_clear(&out);
    unicode_fold(SLICE("ABC z"), &out);
    assert_string_equal(buf_text(&out), "abc z");
    buf_clear(&out);
    unicode_lower(SLICE("\xC3\x89"
                        "A\xFF\xCE\xA3"),
                  &out);
    assert_string_equal(buf_text(&out), "\xC3\xA9"
                                        "a\xEF\xBF\xBD\xCF\x83");
    buf_free(&out);
    assert_int_equal(unicode_to_upper(0xE9), 0xC9);
    assert_int_equal(unicode_to_lower('Z'), 'z');
}

static void test_classes(void **state)
{
    (void)state;
    assert_true(unicode_is_letter('a') && unicode_is_letter(0x4F60) && !unicode_is_letter('1'));
    assert_true(unicode_is_mark(0x301) && unicode_is_number(0x661) && unicode_is_number(0xBD));
    assert_true(unicode_is_space(0x3000) && unicode_is_space('\v') && !unicode_is_space(0x200B));
    assert_true(unicode_is_punctuation('!') && unicode_is_punctuation(0x3002) &&
                !unicode_is_punctuation('$'));
    assert_true(unicode_is_symbol('$') && unicode_is_symbol(0x1F600));
    assert_true(unicode_is_control(0) && unicode_is_control(0x200D) && !unicode_is_control('\n'));
    assert_false(unicode_is_letter(0x110000) || unicode_is_letter(0xFFFFFFFF));
    assert_int_equal(unicode_width('a'), 1);
    assert_int_equal(unicode_width(0x4F60), 2);
    assert_int_equal(unicode_width(0x301), 0);
    assert_int_equal(unicode_width('\n'), 0);
    assert_int_equal(unicode_script('a'), SCRIPT_LATIN);
    assert_int_equal(unicode_script(0x4F60), SCRIPT_HAN);
    assert_int_equal(unicode_script(0x3042), SCRIPT_HIRAGANA);
    assert_int_equal(unicode_script(0x30A2), SCRIPT_KATAKANA);
    assert_int_equal(unicode_script(0xAC00), SCRIPT_HANGUL);
    assert_int_equal(unicode_script(0x416), SCRIPT_CYRILLIC);
    assert_int_equal(unicode_script(0x5D0), SCRIPT_HEBREW);
    assert_int_equal(unicode_script('1'), SCRIPT_COMMON);
    assert_int_equal(unicode_script(0x530), SCRIPT_COMMON);
    assert_int_equal(unicode_script(0x531), SCRIPT_OTHER); /* Armenian */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),        cmocka_unit_test(test_all_code_points),
        cmocka_unit_test(test_repair),       cmocka_unit_test(test_normalize),
        cmocka_unit_test(test_compositions), cmocka_unit_test(test_case),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
