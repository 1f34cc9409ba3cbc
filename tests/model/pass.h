/* Small random models and a batch for them: what the tests of passes share. */
#ifndef TESTS_MODEL_PASS_H
#define TESTS_MODEL_PASS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/rng.h"
#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char LLAMA[] =
    "{\"model_type\":\"llama\",\"hidden_size\":48,\"num_hidden_layers\":3,"
    "\"num_attention_heads\":6,\"num_key_value_heads\":2,\"intermediate_size\":100,"
    "\"vocab_size\":211,\"initializer_range\":0.2}";
static const char QWEN[] =
    "{\"model_type\":\"qwen3\",\"hidden_size\":48,\"num_hidden_layers\":2,\"head_dim\":10,"
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"intermediate_size\":70,"
    "\"vocab_size\":211,\"initializer_range\":0.2,\"tie_word_embeddings\":true,"
    "\"attention_bias\":true}";
static const char MISTRAL[] =
    "{\"model_type\":\"mistral\",\"hidden_size\":32,\"num_hidden_layers\":2,"
    "\"num_attention_heads\":4,\"num_key_value_heads\":4,\"intermediate_size\":60,"
    "\"vocab_size\":211,\"initializer_range\":0.2,\"sliding_window\":5}";
static const char GPT2[] =
    "{\"model_type\":\"gpt2\",\"n_embd\":40,\"n_layer\":2,\"n_head\":5,\"n_positions\":80,"
    "\"vocab_size\":211,\"initializer_range\":0.2}";
enum { VOCAB = 211, ROWS = 8 };

static inline struct model *try_make(const char *text, const struct model_options *o,
                                     struct error *error)
{
    struct model_config c;
    struct model *m;
    if (config_parse(&c, slice_of(text), "test", error) != 0)
        fail_msg("%s", error->text);
    m = model_random(&c, o, error);
    config_clear(&c);
    return m;
}

static inline struct model *make(const char *text, const struct model_options *o)
{
    struct error error;
    struct model *m = try_make(text, o, &error);
    if (m == NULL)
        fail_msg("%s", error.text);
    return m;
}

/* Eight sequences of 3 to 73 tokens; the last two thirds of each are supervised. */
struct data {
    int32_t ids[400], starts[ROWS + 1], rows[400], targets[400];
    int32_t first_row[ROWS + 1];
};

static inline struct data make_data(void)
{
    struct data d;
    int32_t n = 0, supervised = 0;
    for (int s = 0; s < ROWS; s++) {
        const int32_t length = 3 + 10 * s;
        d.starts[s] = n;
        d.first_row[s] = supervised;
        for (int32_t i = 0; i < length; i++, n++) {
            d.ids[n] = (int32_t)(rng_at(1, (uint64_t)s, (uint64_t)i) % VOCAB);
            if (i >= 1 + length / 3) {
                d.rows[supervised] = n - 1;
                d.targets[supervised++] = d.ids[n];
            }
        }
    }
    d.starts[ROWS] = n;
    d.first_row[ROWS] = supervised;
    return d;
}

/* Sequences [first, end) as one batch; the arrays of `out` hold it. */
static inline struct batch cut(const struct data *d, int first, int end, struct data *out)
{
    const int32_t from = d->starts[first], row = d->first_row[first];
    const int32_t tokens = d->starts[end] - from, n = d->first_row[end] - row;
    memcpy(out->ids, d->ids + from, (size_t)tokens * sizeof *out->ids);
    for (int s = first; s <= end; s++)
        out->starts[s - first] = d->starts[s] - from;
    for (int32_t i = 0; i < n; i++) {
        out->rows[i] = d->rows[row + i] - from;
        out->targets[i] = d->targets[row + i];
    }
    return (struct batch){.ids = out->ids,
                          .starts = out->starts,
                          .rows = out->rows,
                          .targets = out->targets,
                          .tokens = tokens,
                          .segments = end - first,
                          .supervised = n};
}

/* All gradients of one step in `parts` micro-batches; the caller frees. */
static inline float *gradients(struct model *m, int parts, struct model_pass pass, double *loss)
{
    const struct data d = make_data();
    const size_t n = (size_t)model_gradients(m).cols;
    float *out = mem_alloc(n * sizeof *out);
    struct error error;
    *loss = 0;
    model_step_begin(m);
    for (int i = 0; i < parts; i++) {
        struct data part;
        double sum = 0;
        pass.batch = cut(&d, ROWS * i / parts, ROWS * (i + 1) / parts, &part);
        pass.backward = true;
        if (model_pass(m, &pass, &sum, &error) != 0)
            fail_msg("%s", error.text);
        *loss += sum;
    }
    model_backend(m)->ops->download(model_backend(m), model_gradients(m), out, DTYPE_F32);
    return out;
}

/* BF16 products: the same network as the reference backend's with operands rounded, and near the
 * one that is not rounded. */
static inline void test_half(void **state)
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

#endif
