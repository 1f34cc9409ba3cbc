/* The scan for literals: every kernel names the same candidates as the reference, and these hold
 * every place where a literal stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "filter/kernels/literals.h"

#include <stdbool.h>
#include <string.h>

static const char *const list[] = {"ai",   "as an",  "i'm",
                                   "?",    "openai", "\xE6\x88\x91\xE6\x98\xAF",
                                   "made", "model",  NULL};

enum { LONGEST = 300, ROUNDS = 4000 };

static size_t random_text(struct rng *r, unsigned char *p)
{
    static const char letters[] = "aAiIsS n'm?ompendl0\xE6\x88\x91\xE6\x98\xAF\n";
    const size_t n = rng_below(r, (uint32_t)LONGEST);
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)letters[rng_below(r, (uint32_t)(sizeof letters - 1))];
    return n;
}

static bool alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool stands(const unsigned char *p, size_t n, size_t at, const char *literal)
{
    const size_t len = strlen(literal);
    if (n - at < len || (at > 0 && alnum(p[at - 1]) && alnum(p[at])))
        return false;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = p[at + i];
        const unsigned char low = c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
        if (low != (unsigned char)literal[i])
            return false;
    }
    return true;
}

static void test_kernels(void **state)
{
    const struct literals_kernel *reference = literals_kernels;
    struct literals l;
    unsigned char text[LONGEST];
    struct rng r = rng_new(7, 0);
    (void)state;
    while (reference[1].name != NULL)
        reference++;
    literals_make(&l, list);
    for (int round = 0; round < ROUNDS; round++) {
        const size_t n = random_text(&r, text);
        for (const struct literals_kernel *k = literals_kernels; k->name != NULL; k++)
            for (size_t at = 0; k->usable() && at < n; at++) {
                const size_t want = reference->next(&l, text, n, at);
                assert_int_equal(k->next(&l, text, n, at), want);
                for (size_t i = 0; want > at && list[i] != NULL; i++)
                    assert_false(stands(text, n, at, list[i]));
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
