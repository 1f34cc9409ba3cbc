/*
 * What may be chosen for a pass: weights frozen by name, products with BF16 operands; and what a
 * pass leaves out by itself: rows of the last layer that nobody reads.
 */
#include "tests/model/pass.h"

/* Weights that patterns name stay; what is left has the gradients that it always had. */
static void test_frozen_by_name(void **state)
{
    const char *const patterns[] = {"*.layers.1.mlp.*", "*.self_attn.?_proj.*", "*norm*"};
    const char *const part[] = {"*.q_proj.*"}, *const nothing[] = {"lm_haed*"},
                      *const every[] = {"*"};
    struct model_options o = {.method = MODEL_FULL, .seed = 4, .freeze = patterns, .n_freeze = 3};
    struct model *m = make(LLAMA, &o);
    struct model *full = make(LLAMA, &(struct model_options){.method = MODEL_FULL, .seed = 4});
    struct error error;
    double loss, other;
    float *some = gradients(m, 2, (struct model_pass){.training = true}, &loss);
    float *everything = gradients(full, 2, (struct model_pass){.training = true}, &other);
    size_t learn = 0;
    (void)state;
    assert_true(loss >= other && loss <= other);
    for (size_t i = 0; i < model_parameter_count(m); i++) {
        const struct model_parameter p = model_parameter(m, i);
        const size_t n = (size_t)tensor_count(p.value);
        float *a = mem_alloc(n * sizeof *a), *b = mem_alloc(n * sizeof *b);
        assert_int_equal(!p.trainable, strstr(p.name, "layers.1.mlp") != NULL ||
                                           strstr(p.name, "self_attn") != NULL ||
                                           strstr(p.name, "norm") != NULL);
        learn += p.trainable;
        if (p.trainable) {
            model_parameter_gradient(m, i, a);
            model_parameter_gradient(full, i, b);
            assert_memory_equal(a, b, n * sizeof *a);
        }
        mem_free(a);
        mem_free(b);
    }
    assert_true(learn >= 5);
    model_free(full);
    model_free(m);
    mem_free(some);
    mem_free(everything);
    o.freeze = part;
    o.n_freeze = 1;
    assert_null(try_make(LLAMA, &o, &error));
    assert_non_null(strstr(error.text, "one product"));
    o.freeze = nothing;
    assert_null(try_make(LLAMA, &o, &error));
    assert_non_null(strstr(error.text, "lm_haed*"));
    o.freeze = every;
    assert_null(try_make(LLAMA, &o, &error));
    assert_non_null(strstr(error.text, "nothing is left"));
}

/* Whoever watches sees all rows of the last layer; without, only supervised ones go through its
 * MLP.  Losses and gradients are the same. */
static int look(void *context, struct backend *b, int32_t layer, struct tensor hidden,
                struct tensor d, struct error *error)
{
    (void)context, (void)b, (void)layer, (void)hidden, (void)d, (void)error;
    return 0;
}

static double narrow_error(const char *text, const struct model_options *o, bool recompute)
{
    const struct model_watch watch = {.hidden = look};
    const struct model_limits limits = {.tokens = 400,
                                        .supervised = 300,
                                        .backward = true,
                                        .recompute = recompute};
    struct model *m = make(text, o);
    const size_t n = (size_t)model_gradients(m).cols;
    struct model_pass pass = {.training = true, .seed = 3};
    double loss, other, error = 0, size = 0;
    struct error reason;
    float *some, *all;
    assert_int_equal(model_reserve(m, &limits, &reason), 0);
    some = gradients(m, 2, pass, &loss);
    pass.watch = &watch;
    all = gradients(m, 2, pass, &other);
    assert_true(fabs(loss / other - 1) < 1e-6);
    for (size_t i = 0; i < n; i++) {
        error += pow((double)some[i] - (double)all[i], 2);
        size += pow((double)all[i], 2);
    }
    mem_free(some);
    mem_free(all);
    model_free(m);
    assert_true(size > 0);
    return sqrt(error / size);
}

static void test_narrow(void **state)
{
    static const char *const texts[] = {LLAMA, QWEN, MISTRAL, GPT2};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (int kind = 0; kind < 4; kind++) {
            const bool lora = kind / 2 != 0;
            struct model_options o = {.method = lora ? MODEL_LORA : MODEL_FULL, .seed = 4};
            o.lora = (struct lora_config){.rank = 3, .alpha = 6, .targets = LORA_ALL};
            o.backend = &backend_reference;
            assert_true(narrow_error(texts[i], &o, kind % 2 != 0) < 1e-7);
            o.backend = &backend_cpu;
            assert_true(narrow_error(texts[i], &o, kind % 2 != 0) < 2e-6);
        }
    }
}

/* An adapter learns the same with layers computed again, to the bit. */
static void test_recomputed_adapter(void **state)
{
    static const char *const texts[] = {LLAMA, QWEN, MISTRAL, GPT2};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct model_options o = {.method = MODEL_LORA, .seed = 4};
        struct model_limits limits = {.tokens = 400, .supervised = 300, .backward = true};
        struct model *m;
        struct model_pass pass = {.training = true, .seed = 3};
        struct tensor values;
        struct error error;
        double loss, other;
        float *kept, *again;
        o.lora = (struct lora_config){.rank = 3, .alpha = 6, .dropout = 0.1, .targets = LORA_ALL};
        m = make(texts[i], &o);
        values = model_values(m); /* B is zero at first, and then A learns nothing */
        model_backend(m)->ops->noise(model_backend(m), values, 0.1, (const uint64_t[]){1, 2});
        kept = gradients(m, 2, pass, &loss);
        limits.recompute = true;
        assert_int_equal(model_reserve(m, &limits, &error), 0);
        again = gradients(m, 2, pass, &other);
        assert_true(loss >= other && loss <= other);
        assert_memory_equal(kept, again, (size_t)values.cols * sizeof *kept);
        mem_free(kept);
        mem_free(again);
        model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frozen_by_name),
        cmocka_unit_test(test_half),
        cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_recomputed_adapter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
