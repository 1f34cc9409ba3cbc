/*
 * Passes of a small random model: the same bits for any number of threads, with recomputation and
 * with gradients over the kept part; the same gradients however rows are cut into micro-batches
 * or packed; frozen parts stay; dropout and noise are functions of seed and stream; hidden states
 * can be watched; batches that lie are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/model/pass.h"

#include <stdio.h>

enum { ALL = 4 };
static const char *const all[ALL] = {LLAMA, QWEN, MISTRAL, GPT2};

static double worst(const float *a, const float *b, size_t n)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / size);
}

static void test_threads(void **state)
{
    static const int threads[] = {2, 3, 8};
    (void)state;
    for (int which = 0; which < ALL; which++) {
        struct model_options o = {.method = MODEL_FULL, .seed = 4};
        struct model *m = make(all[which], &o);
        double loss, other;
        float *want = gradients(m, 2, (struct model_pass){.training = true}, &loss);
        const size_t n = (size_t)model_gradients(m).cols;
        for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
            struct pool *pool = pool_new(threads[i]);
            struct model *again;
            float *got;
            o.pool = pool;
            again = make(all[which], &o);
            got = gradients(again, 2, (struct model_pass){.training = true}, &other);
            assert_true(loss >= other && loss <= other);
            assert_memory_equal(got, want, n * sizeof *want);
            assert_true(model_gradient_norm(again) >= model_gradient_norm(m) &&
                        model_gradient_norm(again) <= model_gradient_norm(m));
            mem_free(got);
            model_free(again);
            pool_free(pool);
        }
        mem_free(want);
        model_free(m);
    }
}

/* Recomputing layers, and gradients over what is kept, change no bit. */
static void test_memory_layouts(void **state)
{
    (void)state;
    for (int which = 0; which < ALL; which++) {
        for (int decay_all = 0; decay_all < 2; decay_all++) {
            const struct model_options o = {.method = MODEL_FULL,
                                            .seed = 4,
                                            .decay_all = decay_all != 0};
            struct model *m = make(all[which], &o), *again = make(all[which], &o);
            const size_t n = (size_t)model_gradients(m).cols;
            struct model_limits limits = {.tokens = 400,
                                          .supervised = 300,
                                          .backward = true,
                                          .recompute = true};
            struct error error;
            double loss, other;
            float *want = gradients(m, 1, (struct model_pass){.training = true}, &loss);
            for (int layout = 0; layout < 3; layout++) {
                float *got;
                limits.recompute = layout == 0;
                limits.one_pass = layout > 0;
                limits.tokens = layout == 1 ? 400 : 1200; /* kept smaller or larger than grads */
                assert_int_equal(model_reserve(again, &limits, &error), 0);
                got = gradients(again, 1, (struct model_pass){.training = true}, &other);
                assert_true(loss >= other && loss <= other);
                assert_memory_equal(got, want, n * sizeof *want);
                mem_free(got);
            }
            {
                struct data d = make_data(), part;
                struct model_pass pass = {.batch = cut(&d, 0, 1, &part), .backward = true};
                assert_int_equal(model_pass(again, &pass, &other, &error), -1);
            }
            mem_free(want);
            model_free(m);
            model_free(again);
        }
    }
}

/* Sums over 1, 2, 4 and 8 micro-batches agree. */
static void test_micro_batches(void **state)
{
    (void)state;
    for (int which = 0; which < ALL; which++) {
        struct model *m =
            make(all[which], &(struct model_options){.method = MODEL_FULL, .seed = 4});
        const size_t n = (size_t)model_gradients(m).cols;
        double loss, other;
        float *want = gradients(m, 1, (struct model_pass){.training = true}, &loss);
        for (int parts = 2; parts <= ROWS; parts *= 2) {
            /* A fresh model each: its workspace grows in the middle of the step. */
            struct model *again =
                make(all[which], &(struct model_options){.method = MODEL_FULL, .seed = 4});
            float *got = gradients(again, parts, (struct model_pass){.training = true}, &other);
            assert_true(fabs(loss - other) < 1e-5 * loss);
            assert_true(worst(got, want, n) < 1e-5);
            mem_free(got);
            model_free(again);
        }
        mem_free(want);
        model_free(m);
    }
}

/* Chunks of the lm_head, and weights of rows. */
static void test_head(void **state)
{
    struct model *m = make(QWEN, &(struct model_options){.method = MODEL_FULL, .seed = 4});
    const size_t n = (size_t)model_gradients(m).cols;
    struct data d = make_data(), part;
    struct model_limits limits = {.tokens = 400,
                                  .supervised = 300,
                                  .backward = true,
                                  .logits_rows = 7};
    struct error error;
    double loss, other, sum = 0;
    float *want = gradients(m, 1, (struct model_pass){.training = true}, &loss), *got;
    float rows[400], weights[400];
    struct model_pass pass = {.batch = cut(&d, 0, ROWS, &part), .row_losses = rows};
    (void)state;
    assert_int_equal(model_reserve(m, &limits, &error), 0);
    got = gradients(m, 1, (struct model_pass){.training = true}, &other);
    assert_true(fabs(loss - other) < 1e-5 * loss);
    assert_true(worst(got, want, n) < 1e-5);
    assert_int_equal(model_pass(m, &pass, &other, &error), 0);
    for (int32_t i = 0; i < pass.batch.supervised; i++) {
        sum += (double)rows[i];
        weights[i] = i % 3 == 0 ? 0.0f : 2.0f;
    }
    assert_true(fabs(sum - other) < 1e-6 * sum);
    sum = 0;
    for (int32_t i = 0; i < pass.batch.supervised; i++)
        sum += (double)(weights[i] * rows[i]);
    pass.batch.weights = weights;
    assert_int_equal(model_pass(m, &pass, &other, &error), 0);
    assert_true(fabs(sum - other) < 1e-5 * sum);
    mem_free(want);
    mem_free(got);
    model_free(m);
}

static void test_frozen(void **state)
{
    const struct model_options o = {.method = MODEL_FULL,
                                    .seed = 4,
                                    .freeze_embeddings = true,
                                    .freeze_layers = 1};
    struct model *m = make(LLAMA, &o);
    struct model *full = make(LLAMA, &(struct model_options){.method = MODEL_FULL, .seed = 4});
    struct error error;
    double loss, other;
    float *some = gradients(m, 2, (struct model_pass){.training = true}, &loss);
    float *everything = gradients(full, 2, (struct model_pass){.training = true}, &other);
    (void)state;
    assert_true(loss >= other && loss <= other);
    for (size_t i = 0; i < model_parameter_count(m); i++) {
        const struct model_parameter p = model_parameter(m, i), q = model_parameter(full, i);
        const size_t n = (size_t)tensor_count(p.value);
        float *a = mem_alloc(n * sizeof *a), *b = mem_alloc(n * sizeof *b);
        const bool below = strstr(p.name, "layers.0.") != NULL || strstr(p.name, "embed") != NULL;
        assert_string_equal(p.name, q.name);
        assert_int_equal(p.trainable, !below);
        if (p.trainable) {
            model_parameter_gradient(m, i, a);
            model_parameter_gradient(full, i, b);
            assert_memory_equal(a, b, n * sizeof *a);
        }
        mem_free(a);
        mem_free(b);
    }
    model_free(full);
    mem_free(some);
    mem_free(everything);
    model_free(m);
    m = make(LLAMA, &(struct model_options){.method = MODEL_FROZEN});
    assert_int_equal(model_reserve(m, &(struct model_limits){.backward = true}, &error), -1);
    assert_true(tensor_count(model_values(m)) == 0);
    model_free(m);
}

static void test_randomness(void **state)
{
    struct model_options o = {.method = MODEL_LORA,
                              .seed = 4,
                              .lora = {.rank = 4, .alpha = 8, .targets = LORA_ALL, .dropout = 0.3}};
    struct model *m = make(QWEN, &o);
    const size_t n = (size_t)model_gradients(m).cols;
    struct model_pass pass = {.training = true, .seed = 5, .stream = 1, .neftune = 5};
    struct error error;
    double loss, same, other, quiet;
    float *a, *b, *c, *q;
    (void)state;
    for (size_t i = 0; i < model_parameter_count(m); i++) { /* B begins at zero: fill it */
        const struct model_parameter p = model_parameter(m, i);
        float x[2000];
        for (size_t k = 0; k < (size_t)tensor_count(p.value) && p.adapter; k++)
            x[k] = 0.1f * (float)((k + i) % 7) - 0.3f;
        if (p.adapter)
            assert_int_equal(model_parameter_set(m, i, x, &error), 0);
    }
    a = gradients(m, 1, pass, &loss);
    b = gradients(m, 1, pass, &same);
    assert_memory_equal(a, b, n * sizeof *a);
    pass.stream = 2;
    c = gradients(m, 1, pass, &other);
    assert_true(fabs(loss - other) > 1e-3);
    pass.training = false;
    q = gradients(m, 1, pass, &quiet);
    pass.training = true;
    pass.neftune = 0;
    mem_free(b);
    b = gradients(m, 1, pass, &same);
    assert_true(fabs(same - quiet) > 1e-3 && fabs(same - other) > 1e-3);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(q);
    model_free(m);
}

struct seen {
    int forward[8], backward[8];
    double first; /* d(loss)/d(hidden) of layer 1, a sum of squares */
};

static int look(void *context, struct backend *b, int32_t layer, struct tensor hidden,
                struct tensor d, struct error *error)
{
    struct seen *s = context;
    (void)error;
    assert_true(tensor_present(hidden));
    if (!tensor_present(d)) {
        s->forward[layer]++;
        return 0;
    }
    s->backward[layer]++;
    if (layer == 1)
        s->first = b->ops->sum_squares(b, tensor_reshape(d, 1, tensor_count(d)));
    return 0;
}

static void test_watch(void **state)
{
    struct model *m = make(LLAMA, &(struct model_options){.method = MODEL_FULL, .seed = 4});
    struct seen seen = {{0}, {0}, 0};
    const struct model_watch watch = {.hidden = look, .context = &seen};
    double loss;
    float *g = gradients(m, 1, (struct model_pass){.watch = &watch}, &loss);
    (void)state;
    for (int i = 0; i <= 3; i++) {
        assert_int_equal(seen.forward[i], 1);
        assert_int_equal(seen.backward[i], 1);
    }
    assert_true(seen.first > 0);
    mem_free(g);
    model_free(m);
}

static void expect_refusal(struct model *m, const struct batch *b)
{
    struct error error;
    double loss;
    assert_int_equal(model_pass(m, &(struct model_pass){.batch = *b}, &loss, &error), -1);
}

static void test_bad_batches(void **state)
{
    struct model *m = make(GPT2, &(struct model_options){.method = MODEL_FULL});
    struct data d = make_data(), part;
    const struct batch good = cut(&d, 3, 5, &part);
    const int32_t zeros[100] = {0}, row = 0, starts[2] = {0, 100};
    struct batch b = good;
    (void)state;
    part.ids[3] = VOCAB;
    expect_refusal(m, &good);
    part.ids[3] = -1;
    expect_refusal(m, &good);
    part.ids[3] = 0;
    part.targets[1] = VOCAB;
    expect_refusal(m, &good);
    part.targets[1] = 0;
    part.rows[1] = part.rows[0];
    expect_refusal(m, &good);
    part.rows[1] = good.tokens;
    expect_refusal(m, &good);
    b.tokens++;
    expect_refusal(m, &b);
    b = (struct batch){.ids = zeros,
                       .starts = starts,
                       .rows = &row,
                       .targets = &row,
                       .tokens = 100,
                       .segments = 1,
                       .supervised = 1};
    expect_refusal(m, &b); /* longer than the positions */
    model_free(m);
}

static void test_estimate(void **state)
{
    (void)state;
    for (int which = 0; which < ALL; which++) {
        const struct model_options o = {.method = MODEL_FULL};
        const struct model_limits limits = {.tokens = 300, .supervised = 200, .backward = true};
        struct model_config c;
        struct model_memory memory;
        struct model *m = make(all[which], &o);
        assert_int_equal(config_parse(&c, slice_of(all[which]), "test", NULL), 0);
        memory = model_memory(&c, &o, &limits);
        assert_int_equal(memory.values, 4 * model_values(m).cols);
        assert_int_equal(model_total(m), config_parameters(&c));
        assert_int_equal(model_trainable(m), model_total(m));
        assert_true(memory.kept > 0 && memory.scratch > 0);
        config_clear(&c);
        model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_memory_layouts),
        cmocka_unit_test(test_micro_batches), cmocka_unit_test(test_head),
        cmocka_unit_test(test_frozen),        cmocka_unit_test(test_randomness),
        cmocka_unit_test(test_watch),         cmocka_unit_test(test_bad_batches),
        cmocka_unit_test(test_estimate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
