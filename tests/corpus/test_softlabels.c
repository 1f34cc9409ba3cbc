/* Soft labels: packed and read back as they were; damaged data is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"
#include "corpus/softlabels.h"

enum { N = 200, K = 5 };

/* Tokens with ids and without, odd bytes, missing entries, the sampled one not among the top. */
static struct softlabels *example(struct arena *a)
{
    struct softlabels *l = arena_alloc(a, sizeof *l);
    struct rng r = rng_new(3, 0);
    l->positions = arena_alloc(a, N * sizeof *l->positions);
    l->top = arena_alloc(a, (size_t)N * K * sizeof *l->top);
    l->n = N;
    l->n_top = 0;
    for (size_t i = 0; i < N; i++) {
        struct soft_position *p = &l->positions[i];
        p->first = (uint32_t)l->n_top;
        p->count = i % 13 ? K : K / 2;
        for (uint32_t k = 0; k < p->count; k++) {
            char text[8] = {(char)rng_below(&r, 256), (char)rng_below(&r, 256), 0};
            l->top[l->n_top++] =
                (struct soft_token){arena_copy(a, slice_from(text, 1 + rng_below(&r, 2))),
                                    i % 3 ? (int32_t)rng_below(&r, 50000) : -1,
                                    i % 17 == 0 && k == 0
                                        ? NAN
                                        : -(float)(k + 1) - (float)rng_uniform(&r)};
        }
        p->sampled = i % 7 ? l->top[p->first] : (struct soft_token){SLICE(""), 7, -9.5f};
    }
    return l;
}

static void same_token(const struct soft_token *a, const struct soft_token *b)
{
    assert_true(slice_equal(a->bytes, b->bytes));
    assert_int_equal(a->id, b->id);
    assert_memory_equal(&a->logprob, &b->logprob, sizeof a->logprob);
}

static void test_round_trip(void **state)
{
    struct arena a = ARENA;
    struct softlabels *l = example(&a), back;
    struct buf b = BUF;
    (void)state;
    assert_int_equal(softlabels_pack(l, &b), 0);
    assert_int_equal(softlabels_unpack(buf_view(&b), &a, &back, NULL), 0);
    assert_int_equal(back.n, l->n);
    assert_int_equal(back.n_top, l->n_top);
    for (size_t i = 0; i < l->n; i++) {
        same_token(&back.positions[i].sampled, &l->positions[i].sampled);
        assert_int_equal(back.positions[i].count, l->positions[i].count);
        assert_int_equal(back.positions[i].first, l->positions[i].first);
    }
    for (size_t i = 0; i < l->n_top; i++)
        same_token(&back.top[i], &l->top[i]);
    struct softlabels none = {0};
    buf_clear(&b);
    assert_int_equal(softlabels_pack(&none, &b), 0);
    assert_int_equal(softlabels_unpack(buf_view(&b), &a, &back, NULL), 0);
    assert_int_equal(back.n, 0);
    buf_free(&b);
    arena_free(&a);
}

static void test_tail(void **state)
{
    struct soft_token top[] = {{SLICE("a"), 1, logf(0.5f)},
                               {SLICE("b"), 2, logf(0.25f)},
                               {SLICE("c"), 3, NAN}};
    struct soft_position p[] = {{top[0], 0, 3}, {{SLICE("z"), 9, logf(0.125f)}, 0, 3}};
    struct softlabels l = {p, 2, top, 3};
    (void)state;
    assert_true(fabs(softlabels_tail(&l, 0) - 0.25) < 1e-6);
    assert_true(fabs(softlabels_tail(&l, 1) - 0.125) < 1e-6);
}

static void test_damage(void **state)
{
    struct arena a = ARENA;
    struct softlabels back;
    struct buf b = BUF;
    (void)state;
    assert_int_equal(softlabels_pack(example(&a), &b), 0);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(softlabels_unpack(slice_from(b.data, n), &a, &back, NULL), -1);
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] = (char)(b.data[i] ^ 0x81);
        (void)softlabels_unpack(buf_view(&b), &a, &back, NULL);
        b.data[i] = (char)(b.data[i] ^ 0x81);
        arena_reset(&a);
    }
    buf_free(&b);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
