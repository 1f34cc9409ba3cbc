/* The order of preference: told by one number where it can be, and the same as without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "filter/order.h"

#include <string.h>

enum { ROWS = 500 };

static int compare(const void *context, uint32_t a, uint32_t b)
{
    return order_compare(context, a, b);
}

static void check(struct rng *r, const struct chosen *chosen)
{
    static const uint32_t flags[] = {0, INDEX_OLD, INDEX_REMOVED, INDEX_HUMAN};
    struct index_entry entries[ROWS];
    uint32_t got[ROWS], want[ROWS];
    const struct order order = {chosen, entries};
    memset(entries, 0, sizeof entries);
    for (uint32_t i = 0; i < ROWS; i++) {
        entries[i].id = (int64_t)rng_below(r, 1000) << 30 | i;
        entries[i].length = rng_below(r, 20);
        entries[i].content = (uint64_t)rng_below(r, 3) << 62 | rng_below(r, 3);
        entries[i].score = (float)rng_below(r, 5) - 2;
        entries[i].flags = flags[rng_below(r, 4)];
        got[i] = want[i] = i;
    }
    order_rows(&order, got, ROWS);
    order_sort(want, ROWS, compare, &order);
    assert_memory_equal(got, want, sizeof got);
}

static void test_rows(void **state)
{
    static const enum prefer_kind kinds[] = {PREFER_LONGEST, PREFER_SHORTEST, PREFER_OLDEST,
                                             PREFER_SCORE};
    struct rng r = rng_new(3, 9);
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct chosen chosen = {.n_prefer = (size_t)(round / 8 % 3)};
        chosen.prefer[0] = kinds[round % 4];
        chosen.prefer[1] = kinds[(round / 4 + 1) % 4];
        check(&r, &chosen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
