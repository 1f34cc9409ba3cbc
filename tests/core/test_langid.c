/* Telling languages: sentences of tests/core/languages.tsv.  Prints how many of them are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/langid.h"

#include <stdio.h>
#include <string.h>

static void test_sentences(void **state)
{
    struct error error;
    struct file_lines *f = file_lines_open("tests/core/languages.tsv", 4096, &error);
    struct slice line;
    int all = 0, right = 0, wrong = 0, guessed = 0;
    (void)state;
    assert_non_null(f);
    while (file_lines_next(f, &line, &error) == 1) {
        const struct slice want = slice_sub(line, 0, 2);
        const struct langid l = langid_of(slice_sub(line, 3, line.len - 3));
        all++;
        guessed += slice_is(want, l.guess);
        right += l.code != NULL && slice_is(want, l.code);
        if (l.code == NULL || slice_is(want, l.code))
            continue;
        wrong++;
        printf("taken for %s: %.*s\n", l.code, (int)line.len, line.data);
    }
    file_lines_close(f);
    printf("%d of %d sentences told, %d wrong, the others left open; %d guessed right\n", right,
           all, wrong, guessed);
    assert_true(right * 100 >= all * 90);
    assert_true(wrong <= 1);
}

static void test_open(void **state)
{
    (void)state;
    assert_null(langid_of(SLICE("")).code);
    assert_null(langid_of(SLICE("12345 67 + 8")).code);
    assert_null(langid_of(SLICE("Titanic, Avatar, Casablanca")).code);
    assert_true(langid_plain(SLICE("The man and the dog went to the market for bread.")) ==
                LANGID_ENGLISH);
    assert_true(langid_plain(SLICE("他们赋有理性和良心，并应以兄弟关系的精神相对待。")) ==
                LANGID_HAN);
    assert_true(langid_plain(SLICE("Der Mann ging mit dem Hund.")) == LANGID_UNSURE);
    for (const char *const *c = langid_codes(); *c != NULL; c++)
        assert_non_null(langid_name(*c));
    assert_null(langid_name("xx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sentences),
                                       cmocka_unit_test(test_open)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
