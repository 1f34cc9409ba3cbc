/* What may be chosen for a pass: weights frozen by name, products with BF16 operands. */
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

/* BF16 products: the same network as the reference backend's with operands rounded, and near the
 * one that is not rounded. */
static void test_half(void **state)
{
    struct model_options o = {.method = MODEL_FULL, .seed = 4, .half = true};
    struct model *m = make(LLAMA, &o), *exact, *oracle;
    const size_t n = (size_t)model_gradients(m).cols;
    double loss, want, plain, error = 0, size = 0, far = 0;
    float *got, *expected, *unrounded;
    (void)state;
    o.backend = &backend_reference;
    oracle = make(LLAMA, &o);
    o.half = false;
    o.backend = NULL;
    exact = make(LLAMA, &o);
    got = gradients(m, 2, (struct model_pass){.training = true}, &loss);
    expected = gradients(oracle, 2, (struct model_pass){.training = true}, &want);
    unrounded = gradients(exact, 2, (struct model_pass){.training = true}, &plain);
    for (size_t i = 0; i < n; i++) {
        error += pow((double)got[i] - (double)expected[i], 2);
        far += pow((double)got[i] - (double)unrounded[i], 2);
        size += pow((double)expected[i], 2);
    }
    print_message("bf16: loss %.6f, reference %.6f, f32 %.6f; gradients %.1e from the reference, "
                  "%.1e from f32\n",
                  loss, want, plain, sqrt(error / size), sqrt(far / size));
    assert_true(fabs(loss / want - 1) < 2e-4);
    assert_true(sqrt(error / size) < 0.4 * sqrt(far / size));
    assert_true(sqrt(far / size) > 1e-3 && sqrt(far / size) < 5e-2);
    mem_free(got);
    mem_free(expected);
    mem_free(unrounded);
    model_free(m);
    model_free(oracle);
    model_free(exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frozen_by_name),
        cmocka_unit_test(test_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
