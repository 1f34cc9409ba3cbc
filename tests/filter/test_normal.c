/* Normalised text: the definition, and every kernel against the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "filter/kernels/fold.h"
#include "filter/normal.h"

#include <string.h>

static void check(struct normal_options how, const char *text, const char *want)
{
    struct buf scratch = BUF, out = BUF;
    buf_str(&out, "before|");
    normal_text(slice_of(text), &how, &scratch, &out);
    assert_string_equal(buf_text(&out) + strlen("before|"), want);
    buf_free(&scratch);
    buf_free(&out);
}

static void test_definition(void **state)
{
    const struct normal_options usual = {true, true, true, false}, bare = {true, true, true, true};
    const struct normal_options none = {false, false, false, false};
    (void)state;
    check(usual, "", "");
    check(usual, " \t\n", "");
    check(usual, "  One\t\tTWO \r\n three  ", "one two three");
    check(usual, "A long line of text that fills more than one register,  twice over.   END",
          "a long line of text that fills more than one register, twice over. end");
    check(usual, "北京　大学 ABC  １２", "北京 大学 abc 12");
    check(usual, "Straße \xE2\x80\x8B ﬁn", "strasse fin");
    check(usual, "a\xFF\xC3 b", "a\xFF\xC3 b");
    check(bare, "Well, well! (1.5)  «Ça»", "well well 15 ça");
    check(none, " A  b\n", " A  b\n");
}

/* Text of what the kernels tell apart. */
static size_t random_text(struct rng *r, unsigned char *p, size_t most, bool ascii)
{
    static const char *const parts[] = {"a",  "Z",     "word", " ",          " ", " ", "  ",
                                        "\n", "\t \t", "7",    "1234567890", ".", "@", "[",
                                        "`",  "{",     "\x01", "/",          ":"};
    static const char *const wide[] = {"北", "京大学",   "一",   "鿿", "é", "䷿",
                                       "ꀀ", "\xE5\x8C", "\xFF", "𝔸",   "，"};
    const size_t n_parts = sizeof parts / sizeof *parts, n_wide = sizeof wide / sizeof *wide;
    const uint32_t pieces = rng_below(r, 120);
    size_t n = 0;
    for (uint32_t i = 0; i < pieces; i++) {
        const uint32_t k = rng_below(r, (uint32_t)(ascii ? n_parts : n_parts + n_wide) + 1);
        const char *s = k < n_parts                      ? parts[k]
                        : k < n_parts + n_wide && !ascii ? wide[k - n_parts]
                                                         : "";
        const size_t len = *s != '\0' ? strlen(s) : 1; /* the empty one: a NUL */
        if (n + len > most)
            break;
        memcpy(p + n, s, len);
        n += len;
    }
    return n;
}

enum { MOST = 1200, ROOM = 2 * MOST + FOLD_SLACK };

static void check_ascii(const struct fold_kernel *want, const struct fold_kernel *got,
                        const unsigned char *p, size_t n, uint32_t how)
{
    unsigned char a[ROOM], b[ROOM];
    struct fold x = {a, (how & 1) != 0, (how & 2) != 0}, y = {b, x.started, x.blank};
    const bool lower = (how & 4) != 0;
    assert_int_equal(want->ascii(p, n, lower, &x), got->ascii(p, n, lower, &y));
    assert_int_equal(x.to - a, y.to - b);
    assert_memory_equal(a, b, (size_t)(x.to - a));
    assert_int_equal(x.started, y.started);
    if (x.started)
        assert_int_equal(x.blank, y.blank);
}

static void check_others(const struct fold_kernel *want, const struct fold_kernel *got,
                         const unsigned char *p, size_t n)
{
    unsigned char a[ROOM], b[ROOM];
    size_t len = want->digits(p, n, a);
    assert_int_equal(len, got->digits(p, n, b));
    assert_memory_equal(a, b, len);
    for (size_t i = 0; i < n; i++) {
        len = want->han(p + i, n - i, a);
        assert_int_equal(len, got->han(p + i, n - i, b));
        assert_memory_equal(a, b, len);
    }
}

static void test_kernels(void **state)
{
    const struct fold_kernel *reference = fold_kernels;
    struct rng r = rng_new(11, 1);
    unsigned char text[MOST];
    (void)state;
    while (reference[1].name != NULL)
        reference++;
    for (uint32_t round = 0; round < 2000; round++) {
        const size_t n = random_text(&r, text, sizeof text, round % 2 == 0);
        for (const struct fold_kernel *k = fold_kernels; k != reference; k++)
            if (k->usable()) {
                check_ascii(reference, k, text, n, round / 2);
                check_others(reference, k, text, n);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
