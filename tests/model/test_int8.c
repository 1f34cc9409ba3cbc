/*
 * 8-bit weights: every kernel against plain loops bit for bit, the cpu backend against the
 * reference, a folder written and read again, and a quantised model beside its original.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "model/checkpoint.h"
#include "model/int8.h"
#include "model/kernels/kernels_int8.h"
#include "model/model.h"
#include "model/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float noise(uint64_t stream, uint64_t i)
{
    return (float)((double)(rng_at(7, stream, i) >> 11) * 0x1p-52 - 1);
}

/* Rounding of rows of every length around the width of vectors, and of odd numbers. */
static void test_round(void **state)
{
    enum { N = 70 };
    float x[N];
    int8_t want[N], got[N];
    (void)state;
    for (size_t t = 0; int8_kernel_tables[t] != NULL; t++) {
        if (!int8_kernel_tables[t]->usable())
            continue;
        for (size_t n = 1; n <= N; n++) {
            float a, b;
            for (size_t i = 0; i < n; i++)
                x[i] = noise(n, i) * (i % 5 == 0 ? 3e4f : 1);
            a = int8_round(want, x, n);
            b = int8_kernel_tables[t]->round(got, x, n);
            assert_true(a == b);
            assert_memory_equal(want, got, n);
            for (size_t i = 0; i < n; i++)
                assert_true(fabs((double)(a * (float)want[i]) - (double)x[i]) <=
                            0.5000001 * (double)a);
        }
        memset(x, 0, sizeof x);
        assert_true(int8_kernel_tables[t]->round(got, x, N) == 0);
        x[40] = 1e-44f; /* too small for a factor */
        assert_true(int8_kernel_tables[t]->round(got, x, N) == 0);
        x[41] = (float)NAN;
        assert_true(isnan(int8_kernel_tables[t]->round(got, x, N)));
        x[41] = -(float)INFINITY;
        assert_true(isnan(int8_kernel_tables[t]->round(got, x, N)));
    }
}

/* All rows and columns of small products, extremes included. */
static void test_kernels(void **state)
{
    enum { K = 192, ROWS = INT8_ROWS, N = 11 };
    static int8_t x[ROWS * K], w[N * K];
    int32_t sums[ROWS] = {0}, want[ROWS * N], got[ROWS * N];
    (void)state;
    for (size_t i = 0; i < sizeof x; i++) {
        x[i] = (int8_t)(i % 7 == 0 ? 127 : i % 11 == 0 ? -127 : (int)(127 * noise(1, i)));
        sums[i / K] += x[i];
    }
    for (size_t i = 0; i < sizeof w; i++)
        w[i] = (int8_t)(i % 3 == 0 ? -127 : (int)(127 * noise(2, i)));
    for (size_t t = 0; int8_kernel_tables[t] != NULL; t++) {
        const struct int8_kernels *k = int8_kernel_tables[t];
        if (!k->usable())
            continue;
        printf("int8 kernels: %s\n", k->name);
        for (size_t rows = 1; rows <= ROWS; rows++) {
            for (size_t n = 1; n <= N; n++) {
                struct int8_dots d = {x, w, sums, want, rows, n, K, K, K};
                int8_kernel_tables[0]->dots(&d);
                d.out = got;
                memset(got, 0, sizeof got);
                k->dots(&d);
                assert_memory_equal(want, got, rows * n * sizeof *got);
            }
        }
    }
}

static struct tensor put(struct backend *b, int64_t rows, int64_t cols, uint64_t stream)
{
    const size_t n = (size_t)(rows * cols);
    float *x = mem_alloc(n * sizeof *x);
    struct error error;
    struct tensor t = backend_block(b, rows * cols, "test", &error);
    for (size_t i = 0; i < n; i++)
        x[i] = noise(stream, i);
    t = tensor_reshape(t, rows, cols);
    b->ops->upload(b, t, x, DTYPE_F32);
    mem_free(x);
    return t;
}

static struct tensor put_int8(struct backend *b, int64_t rows, int64_t cols, uint64_t stream)
{
    struct error error;
    struct tensor t =
        int8_tensor(b->ops->alloc(b, (size_t)(rows * int8_stride(cols)), "test", &error), rows,
                    cols);
    float *x = mem_alloc((size_t)(rows * cols) * sizeof *x);
    for (int64_t i = 0; i < rows * cols; i++)
        x[i] = noise(stream, (uint64_t)i);
    b->ops->upload(b, t, x, DTYPE_F32);
    mem_free(x);
    return t;
}

/* c and the gradient of a through a product with an I8 matrix. */
static void multiply(const struct backend_ops *ops, struct pool *pool, const int64_t shape[3],
                     float *c, float *back)
{
    struct error error;
    struct backend *b = ops->open(pool, &error);
    struct tensor a = put(b, shape[0], shape[2], 1), y = put(b, shape[0], shape[1], 3);
    struct tensor dx = put(b, shape[0], shape[2], 4), w = put_int8(b, shape[1], shape[2], 2);
    ops->matmul(b, &(struct matmul){.c = y, .a = a, .b = w, .tb = true, .alpha = 0.5, .beta = 1});
    ops->matmul(b, &(struct matmul){.c = dx, .a = y, .b = w, .alpha = 1, .beta = 0});
    ops->download(b, y, c, DTYPE_F32);
    ops->download(b, dx, back, DTYPE_F32);
    ops->release(b, a.data);
    ops->release(b, y.data);
    ops->release(b, dx.data);
    ops->release(b, w.data);
    ops->close(b);
}

static void test_matmul(void **state)
{
    static const int64_t shapes[][3] = {{1, 5, 60}, {3, 130, 64}, {70, 257, 200}, {9, 16, 333}};
    struct pool *pool = pool_new(3);
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const int64_t *n = shapes[s];
        const size_t out = (size_t)(n[0] * n[1]), in = (size_t)(n[0] * n[2]);
        float *want = mem_alloc(out * 4), *got = mem_alloc(out * 4), *again = mem_alloc(out * 4);
        float *dwant = mem_alloc(in * 4), *dgot = mem_alloc(in * 4);
        multiply(&backend_reference, NULL, n, want, dwant);
        multiply(&backend_cpu, NULL, n, got, dgot);
        multiply(&backend_cpu, pool, n, again, dgot);
        assert_memory_equal(got, again, out * 4);
        for (size_t i = 0; i < out; i++)
            assert_true(fabs((double)(want[i] - got[i])) < 1e-5);
        for (size_t i = 0; i < in; i++)
            assert_true(fabs((double)(dwant[i] - dgot[i])) < 1e-3);
        mem_free(want);
        mem_free(got);
        mem_free(again);
        mem_free(dwant);
        mem_free(dgot);
    }
    pool_free(pool);
}

/* --- models ------------------------------------------------------------------------------- */

static const char *const shapes[] = {
    "{\"model_type\":\"qwen2\",\"hidden_size\":64,\"num_hidden_layers\":2,"
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"intermediate_size\":150,"
    "\"vocab_size\":90,\"tie_word_embeddings\":true,\"eos_token_id\":2}",
    "{\"model_type\":\"gpt2\",\"n_embd\":64,\"n_layer\":2,\"n_head\":4,\"vocab_size\":90,"
    "\"n_positions\":64,\"eos_token_id\":2}",
};

static struct model *random_model(const char *shape, const struct model_options *o)
{
    struct model_config c;
    struct error error;
    struct model *m;
    assert_int_equal(config_parse(&c, slice_of(shape), "test", &error), 0);
    c.init_range = 0.2;
    m = model_random(&c, o, &error);
    config_clear(&c);
    assert_non_null(m);
    return m;
}

enum { TOKENS = 24, VOCAB = 90 };

static void logits_of(struct model *m, float *out)
{
    int32_t ids[TOKENS], starts[2] = {0, TOKENS}, rows[TOKENS];
    struct error error;
    for (int32_t i = 0; i < TOKENS; i++) {
        ids[i] = (i * 37 + 5) % VOCAB;
        rows[i] = i;
    }
    if (model_logits(m,
                     &(struct batch){.ids = ids,
                                     .starts = starts,
                                     .rows = rows,
                                     .tokens = TOKENS,
                                     .segments = 1},
                     rows, TOKENS, out, &error) != 0)
        fail_msg("%s", error.text);
}

static double rms(const float *a, const float *b)
{
    double sum = 0, size = 0;
    for (size_t i = 0; i < TOKENS * VOCAB; i++) {
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
        size += (double)a[i] * (double)a[i];
    }
    return sqrt(sum / size);
}

static struct model *reload(const char *dir, const struct model_options *o)
{
    struct error error;
    struct model *m = model_load(dir, o, &error);
    if (m == NULL)
        fail_msg("%s", error.text);
    return m;
}

/* Original, rounded in memory, written, read in 8 bits by both backends, read as floats. */
static void test_folder(void **state)
{
    char dir[] = "/tmp/retort-int8-XXXXXX";
    static float original[TOKENS * VOCAB], memory[TOKENS * VOCAB], other[TOKENS * VOCAB];
    struct error error;
    (void)state;
    assert_non_null(mkdtemp(dir));
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const struct checkpoint_options as = {.type = DTYPE_I8};
        struct model *m = random_model(shapes[s], &(struct model_options){.seed = 3});
        struct model *q =
            random_model(shapes[s], &(struct model_options){.seed = 3, .frozen_type = DTYPE_I8});
        logits_of(m, original);
        logits_of(q, memory);
        printf("int8 logits, relative: %.4f\n", rms(original, memory));
        assert_true(rms(original, memory) > 1e-5 && rms(original, memory) < 0.1);
        assert_int_equal(checkpoint_write(m, dir, &as, &error), 0);
        model_free(m);
        m = reload(dir, &(struct model_options){.method = MODEL_FROZEN});
        assert_true(model_config(m)->int8);
        logits_of(m, other);
        assert_true(rms(memory, other) < 1e-5);
        model_free(m);
        m = reload(dir, &(struct model_options){.backend = &backend_reference});
        logits_of(m, other);
        printf("8 bits, cpu beside reference: %.5f\n", rms(memory, other));
        assert_true(rms(memory, other) < 0.02); /* a rounding turned over moves all behind it */
        model_free(m);
        m = reload(dir, &(struct model_options){.method = MODEL_FULL}); /* floats, to be trained */
        logits_of(m, other);
        assert_true(rms(memory, other) < 0.1);
        assert_int_equal(checkpoint_write(m, dir, &(struct checkpoint_options){.type = DTYPE_F32},
                                          &error),
                         0);
        model_free(m);
        m = reload(dir, &(struct model_options){.method = MODEL_FROZEN});
        assert_false(model_config(m)->int8);
        model_free(m);
        model_free(q);
    }
    assert_int_equal(file_remove_tree(dir, &error), 0);
}

static void refused(const char *text, const char *word)
{
    struct model_config c;
    struct error error;
    assert_int_equal(config_parse(&c, slice_of(text), "test", &error), -1);
    if (strstr(error.text, word) == NULL)
        fail_msg("%s", error.text);
}

static void test_other_formats(void **state)
{
    (void)state;
    refused("{\"model_type\":\"llama\",\"vocab_size\":9,\"hidden_size\":8,\"num_hidden_layers\":1,"
            "\"num_attention_heads\":1,\"intermediate_size\":8,"
            "\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4}}",
            "quantization_config");
    refused("{\"model_type\":\"llama\",\"vocab_size\":9,\"hidden_size\":8,\"num_hidden_layers\":1,"
            "\"num_attention_heads\":1,\"intermediate_size\":8,\"quantization_config\":{"
            "\"quant_method\":\"compressed-tensors\",\"format\":\"int-quantized\","
            "\"config_groups\":{\"group_0\":{\"weights\":{\"num_bits\":4}}}}}",
            "quantization_config");
}

/* A scale that is missing or of another length is named. */
static void test_broken_scales(void **state)
{
    char dir[] = "/tmp/retort-int8-XXXXXX";
    struct error error;
    struct model *m = random_model(shapes[0], &(struct model_options){.seed = 3});
    struct buf text = BUF;
    char *path;
    char *at;
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(checkpoint_write(m, dir, &(struct checkpoint_options){.type = DTYPE_I8},
                                      &error),
                     0);
    model_free(m);
    path = file_join(dir, "model.safetensors");
    assert_int_equal(file_read(path, &text, &error), 0);
    at = strstr(text.data + 8, "o_proj.weight_scale");
    assert_non_null(at);
    memcpy(at, "o_proj.weight_scalf", 19);
    assert_int_equal(file_replace(path, buf_view(&text), &error), 0);
    assert_null(model_load(dir, &(struct model_options){.method = MODEL_FROZEN}, &error));
    assert_non_null(strstr(error.text, "o_proj.weight_scale"));
    mem_free(path);
    buf_free(&text);
    assert_int_equal(file_remove_tree(dir, &error), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),         cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_matmul),        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_other_formats), cmocka_unit_test(test_broken_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
