/* Packing: every example once, limits kept, one plan a seed and epoch, little room wasted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/rng.h"
#include "train/pack.h"

#include <string.h>

enum { N = 3000 };
static uint32_t lengths[N];

static void fill(uint32_t longest)
{
    struct rng r = rng_new(7, 1);
    for (size_t i = 0; i < N; i++)
        lengths[i] = 2 + rng_below(&r, longest - 1);
}

/* Steps and micro-batches tile the order, stay within the limits, and hold each example once. */
static void check(const struct pack *p, const struct pack_limits *l)
{
    unsigned char *seen = mem_zero(N, 1);
    size_t example = 0, micro = 0;
    for (size_t s = 0; s < p->n_steps; s++) {
        const struct pack_step *step = &p->steps[s];
        uint32_t tokens = 0;
        assert_int_equal(step->first_example, example);
        assert_int_equal(step->first, micro);
        assert_true(step->examples > 0 && step->count > 0);
        assert_true(step->tokens <= l->step_tokens || step->examples == 1);
        assert_true(l->step_rows == 0 || step->examples <= l->step_rows);
        for (size_t m = 0; m < step->count; m++, micro++) {
            const struct pack_micro *u = &p->micros[micro];
            uint32_t sum = 0;
            assert_int_equal(u->first, example);
            for (size_t i = 0; i < u->count; i++, example++) {
                uint32_t e = p->order[example];
                assert_true(e < N && !seen[e]);
                seen[e] = 1;
                sum += lengths[e];
            }
            assert_int_equal(sum, u->tokens);
            assert_true(sum <= l->micro_tokens || u->count == 1);
            tokens += sum;
        }
        assert_int_equal(tokens, step->tokens);
    }
    assert_int_equal(example, N);
    assert_int_equal(micro, p->n_micros);
    mem_free(seen);
}

static void test_tiles(void **state)
{
    const struct pack_limits limits[] = {
        {8192, 0, 2048}, {2048, 8, 512}, {500, 0, 100}, {1, 1, 1}, {1 << 30, 0, 4096},
    };
    (void)state;
    fill(900);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct pack p = PACK;
        pack_epoch(&p, lengths, N, &limits[i], 3, i);
        check(&p, &limits[i]);
        pack_free(&p);
    }
}

static void test_repeatable(void **state)
{
    const struct pack_limits limits = {4096, 0, 1024};
    struct pack a = PACK, b = PACK, c = PACK;
    (void)state;
    fill(600);
    pack_epoch(&a, lengths, N, &limits, 3, 5);
    pack_epoch(&b, lengths, N, &limits, 3, 4);
    pack_epoch(&b, lengths, N, &limits, 3, 5);
    pack_epoch(&c, lengths, N, &limits, 3, 6);
    assert_int_equal(a.n_steps, b.n_steps);
    assert_memory_equal(a.order, b.order, N * sizeof *a.order);
    assert_true(memcmp(a.order, c.order, N * sizeof *a.order) != 0);
    pack_epoch(&c, lengths, N, &limits, 4, 5);
    assert_true(memcmp(a.order, c.order, N * sizeof *a.order) != 0);
    pack_free(&a);
    pack_free(&b);
    pack_free(&c);
}

static void test_full(void **state)
{
    const struct pack_limits limits = {4096, 0, 4096};
    struct pack p = PACK;
    uint64_t tokens = 0;
    (void)state;
    fill(1000);
    pack_epoch(&p, lengths, N, &limits, 1, 0);
    for (size_t i = 0; i < N; i++)
        tokens += lengths[i];
    /* Best fit with many open bins leaves a few per cent at most. */
    assert_true((double)tokens / ((double)p.n_steps * 4096) > 0.97);
    pack_free(&p);
}

static void test_one(void **state)
{
    const struct pack_limits limits = {4096, 0, 4096};
    struct pack p = PACK;
    (void)state;
    fill(10);
    pack_epoch(&p, lengths, 1, &limits, 1, 0);
    assert_int_equal(p.n_steps, 1);
    assert_int_equal(p.n_micros, 1);
    assert_int_equal(p.order[0], 0);
    pack_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_repeatable),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
