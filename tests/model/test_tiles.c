/*
 * The processor's tile registers (AMX), where it has them, against the emulation that test_amx.c
 * uses on any machine: the same bits from the same packed operands, so that what the one shows holds
 * for the other.  And what an emulation cannot show: threads that share a core keep their tiles.
 */
#include "tests/model/emulated_tiles.h"
#include "tests/model/products.h"

#include "model/kernels/amx.h"

#include <pthread.h>
#include <sched.h>

static bool usable(void)
{
    return true;
}

extern const struct micro micro_emulated;
#define MICRO micro_emulated
#include "model/kernels/micro_amx_body.h"

enum { STEPS = 7, DEPTH = STEPS * MICRO_UNIT, WORDS = STEPS * SIDE * TILE, THREADS = 4 };

/* Packed operands, two numbers a word. */
struct operands {
    uint32_t a[WORDS], b[WORDS];
};

/* Either sign, and a size of `sizes` BF16 from `first` on. */
static uint32_t number(struct rng *rng, uint32_t first, uint32_t sizes)
{
    return (first + rng_below(rng, sizes)) | rng_below(rng, 2) << 15;
}

static struct operands *operands(uint32_t first, uint32_t sizes, uint64_t stream)
{
    struct operands *o = mem_alloc(sizeof *o);
    struct rng rng = rng_new(5, stream);
    for (int i = 0; i < WORDS; i++) {
        o->a[i] = number(&rng, first, sizes) | number(&rng, first, sizes) << 16;
        o->b[i] = number(&rng, first, sizes) | number(&rng, first, sizes) << 16;
    }
    return o;
}

static void multiply_with(const struct micro *m, const struct operands *o, int64_t rows,
                          int64_t cols, float *c)
{
    const struct micro_tile t = {c, SIDE, rows, cols, DEPTH, 1, 0, SIDE};
    memset(c, 0, SIDE * SIDE * sizeof *c);
    m->multiply(o->a, o->b, &t);
}

/* Equal to the bit; of what is no number only that is asked. */
static void assert_equal(const float *c, const float *d)
{
    for (int i = 0; i < SIDE * SIDE; i++)
        if (!isnan(c[i]) || !isnan(d[i]))
            assert_memory_equal(&c[i], &d[i], sizeof *c);
}

static void check_numbers(uint32_t first, uint32_t sizes)
{
    static const int64_t edges[] = {32, 17, 16, 5};
    struct operands *o = operands(first, sizes, first);
    float c[SIDE * SIDE], d[SIDE * SIDE];
    for (int i = 0; i < 16; i++) {
        micro_bf16_amx.begin();
        multiply_with(&micro_bf16_amx, o, edges[i / 4], edges[i % 4], c);
        micro_bf16_amx.end();
        micro_emulated.begin();
        multiply_with(&micro_emulated, o, edges[i / 4], edges[i % 4], d);
        micro_emulated.end();
        assert_equal(c, d);
    }
    mem_free(o);
}

static void test_same_bits(void **state)
{
    (void)state;
    if (!amx_usable())
        skip();
    check_numbers(0x3C00, 0x400); /* 2^-7 to 2: every term counts */
    check_numbers(0x1E00,
                  0x380); /* products and sums around the smallest number that is not zero */
    check_numbers(0x7D00, 0x280); /* sums that overflow */
    check_numbers(0, 0x8000);     /* all there are: denormal, infinite, none */
}

/* Again and again the same product, with the core left to others while tiles are in use. */
static void *multiply_often(void *changed)
{
    struct operands *o = operands(0x3C00, 0x400, (uint64_t)(uintptr_t)changed);
    float c[SIDE * SIDE], d[SIDE * SIDE];
    micro_bf16_amx.begin();
    multiply_with(&micro_bf16_amx, o, SIDE, SIDE, c);
    for (int i = 0; i < 50; i++) {
        (void)sched_yield();
        multiply_with(&micro_bf16_amx, o, SIDE, SIDE, d);
        if (memcmp(c, d, sizeof c) != 0)
            *(bool *)changed = true;
    }
    micro_bf16_amx.end();
    mem_free(o);
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[THREADS];
    bool changed[THREADS] = {false};
    (void)state;
    if (!amx_usable())
        skip();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, multiply_often, &changed[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_false(changed[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_threads),
    };
    if (!amx_usable())
        puts("SKIP: no tile registers to be compared with their emulation on this machine");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
