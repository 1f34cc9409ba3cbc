/* Which instruction sets may run: what RETORT_KERNELS forbids, and that nothing else is taken away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/processor.h"

enum { SETS = PROCESSOR_AMX_BF16 + 1 };

/* How many of the sets, in their order, are allowed: none is behind one that is not. */
static int allowed(const char *name)
{
    int n = 0;
    processor_limit(name);
    while (n < SETS && processor_allows((enum processor_set)n))
        n++;
    for (int i = n; i < SETS; i++) {
        assert_false(processor_allows((enum processor_set)i));
        assert_false(processor_has((enum processor_set)i));
    }
    return n;
}

static void test_allowed(void **state)
{
    (void)state;
    assert_int_equal(allowed("generic"), PROCESSOR_AVX2);
    assert_int_equal(allowed("avx2"), PROCESSOR_AVX512);
    assert_int_equal(allowed("avx512"), PROCESSOR_AMX_BF16);
    assert_int_equal(allowed("amx"), SETS);
    assert_int_equal(allowed("something"), SETS);
    assert_int_equal(allowed(NULL), SETS);
}

/* The larger sets are there only with the smaller ones. */
static void test_present(void **state)
{
    (void)state;
    (void)allowed(NULL);
    if (processor_has(PROCESSOR_AVX512_VNNI) || processor_has(PROCESSOR_AVX512_BF16))
        assert_true(processor_has(PROCESSOR_AVX512));
#if defined(__x86_64__)
    if (processor_has(PROCESSOR_AVX2))
        assert_true(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
#else
    assert_false(processor_has(PROCESSOR_AVX2));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_present),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
