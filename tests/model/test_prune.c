/*
 * Pruning: how it is asked for, counts, and that taking out what does nothing changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "model/checkpoint.h"
#include "model/prune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refused(const char *text, const char *word)
{
    struct prune p;
    struct error error;
    assert_int_equal(prune_parse(&p, text, &error), -1);
    if (strstr(error.text, word) == NULL)
        fail_msg("%s: %s", text, error.text);
}

static void test_words(void **state)
{
    struct prune p;
    struct error error;
    (void)state;
    assert_int_equal(prune_parse(&p, "unstructured:0.3", &error), 0);
    assert_true(!p.structured && p.share == 0.3 && !p.per_matrix);
    assert_int_equal(prune_parse(&p, "unstructured:0.5,per=matrix", &error), 0);
    assert_true(p.per_matrix && p.share == 0.5);
    assert_int_equal(prune_parse(&p, "structured:ffn=0.25,heads=0.5,by=gradient", &error), 0);
    assert_true(p.structured && p.gradient && p.heads == 0.5 && p.ffn == 0.25);
    refused("unstructured", "expected unstructured:SHARE");
    refused("magnitude:0.3", "expected unstructured:SHARE");
    refused("unstructured:1", "below 1");
    refused("unstructured:-0.1", "below 1");
    refused("unstructured:0.3x", "below 1");
    refused("unstructured:nan", "below 1");
    refused("unstructured:0", "takes nothing out");
    refused("unstructured:", "below 1");
    refused("structured:layers=3", "heads=SHARE");
    refused("structured:0.3", "heads=SHARE");
    refused("structured:by=gradient", "takes nothing out");
    refused("structured:heads=0.2,by=luck", "by=luck");
}

/* --- models ------------------------------------------------------------------------------- */

enum { TOKENS = 20, VOCAB = 80, LAYERS = 2, FF = 40 };

#define SHAPE                                                                                      \
    "\"hidden_size\":48,\"num_hidden_layers\":2,\"intermediate_size\":40,\"vocab_size\":80,"       \
    "\"num_attention_heads\":6,\"head_dim\":8,"

static const char *const shapes[] = {
    "{\"model_type\":\"llama\"," SHAPE "\"num_key_value_heads\":6}",
    "{\"model_type\":\"qwen2\"," SHAPE "\"num_key_value_heads\":3}",
    "{\"model_type\":\"qwen3\"," SHAPE "\"num_key_value_heads\":2,\"tie_word_embeddings\":true}",
};

static struct model *random_model(const char *shape, enum model_method method)
{
    const struct model_options o = {.method = method, .seed = 5};
    struct model_config c;
    struct error error;
    struct model *m;
    if (config_parse(&c, slice_of(shape), "test", &error) != 0)
        fail_msg("%s", error.text);
    c.init_range = 0.15;
    m = model_random(&c, &o, &error);
    config_clear(&c);
    assert_non_null(m);
    return m;
}

static struct batch batch_of(int32_t ids[TOKENS], int32_t rows[TOKENS], int32_t targets[TOKENS])
{
    static const int32_t starts[] = {0, 9, TOKENS};
    for (int32_t i = 0; i < TOKENS; i++) {
        ids[i] = (i * 31 + 3) % VOCAB;
        rows[i] = i;
        targets[i] = (i * 17 + 1) % VOCAB;
    }
    return (struct batch){.ids = ids,
                          .starts = starts,
                          .rows = rows,
                          .targets = targets,
                          .tokens = TOKENS,
                          .segments = 2,
                          .supervised = TOKENS};
}

static void logits_of(struct model *m, float *out)
{
    int32_t ids[TOKENS], rows[TOKENS], targets[TOKENS];
    const struct batch b = batch_of(ids, rows, targets);
    struct error error;
    if (model_logits(m, &b, rows, TOKENS, out, &error) != 0)
        fail_msg("%s", error.text);
}

static double difference(const float *a, const float *b)
{
    double worst = 0;
    for (size_t i = 0; i < TOKENS * VOCAB; i++) {
        const double d = fabs((double)(a[i] - b[i]));
        if (!(d <= worst)) /* a NaN is the worst */
            worst = d;
    }
    return worst;
}

/* Make columns [first, first + n) of a matrix zero. */
static void silence(struct model *m, const char *name, int64_t first, int64_t n)
{
    const int64_t index = model_parameter_find(m, name);
    struct model_parameter p;
    struct error error;
    float *x;
    assert_true(index >= 0);
    p = model_parameter(m, (size_t)index);
    x = mem_alloc((size_t)(p.shape[0] * p.shape[1]) * sizeof *x);
    model_parameter_get(m, (size_t)index, x);
    for (int64_t i = 0; i < p.shape[0]; i++)
        for (int64_t k = first; k < first + n; k++)
            x[i * p.shape[1] + k] = 0;
    assert_int_equal(model_parameter_set(m, (size_t)index, x, &error), 0);
    mem_free(x);
}

/* Scores that name what was silenced: heads 1 and (of the same group) its siblings, channels of
 * odd number. */
static void test_nothing_lost(void **state)
{
    static float want[TOKENS * VOCAB], got[TOKENS * VOCAB];
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        struct model *m = random_model(shapes[s], MODEL_FROZEN), *small;
        const struct model_config *c = model_config(m);
        const int32_t per = c->heads / c->kv_heads;
        struct prune_scores scores = prune_scores_new(m);
        const struct prune p = {.structured = true, .heads = 1.0 / c->kv_heads, .ffn = 0.5};
        struct prune_result r;
        struct error error;
        for (int32_t l = 0; l < c->layers; l++) {
            const int32_t group = (l + 1) % c->kv_heads;
            char name[96];
            snprintf(name, sizeof name, "model.layers.%d.self_attn.o_proj.weight", (int)l);
            silence(m, name, (int64_t)group * per * c->head_dim, (int64_t)per * c->head_dim);
            snprintf(name, sizeof name, "model.layers.%d.mlp.down_proj.weight", (int)l);
            for (int32_t h = 0; h < c->heads; h++)
                scores.heads[l * c->heads + h] = h / per == group ? 0 : 1 + h;
            for (int32_t i = 0; i < c->ff; i++) {
                scores.ffn[l * c->ff + i] = i % 2 == l ? 0 : 1 + i;
                if (i % 2 == l)
                    silence(m, name, i, 1);
            }
        }
        logits_of(m, want);
        small = prune_structure(m, &p, &scores, &r, &error);
        if (small == NULL)
            fail_msg("%s", error.text);
        assert_int_equal(r.kv_heads, c->kv_heads - 1);
        assert_int_equal(r.heads, c->heads - per);
        assert_int_equal(r.ffn, FF / 2);
        logits_of(small, got);
        assert_true(difference(want, got) < 1e-5);
        prune_scores_free(&scores);
        model_free(small);
        model_free(m);
    }
}

/* One head of each group goes where that is nearer to the share than a whole group. */
static void test_heads_of_groups(void **state)
{
    static float want[TOKENS * VOCAB], got[TOKENS * VOCAB];
    struct model *m = random_model(shapes[2], MODEL_FROZEN), *small, *again;
    const struct prune p = {.structured = true, .heads = 0.33};
    struct prune_scores scores = prune_scores_new(m);
    char dir[] = "/tmp/retort-prune-XXXXXX";
    struct prune_result r;
    struct error error;
    (void)state;
    for (int32_t l = 0; l < LAYERS; l++) {
        for (int32_t h = 0; h < 6; h++)
            scores.heads[l * 6 + h] = h % 3 == 1 ? 0 : 1;
        silence(m,
                l == 0 ? "model.layers.0.self_attn.o_proj.weight"
                       : "model.layers.1.self_attn.o_proj.weight",
                8, 8);
        silence(m,
                l == 0 ? "model.layers.0.self_attn.o_proj.weight"
                       : "model.layers.1.self_attn.o_proj.weight",
                32, 8);
    }
    logits_of(m, want);
    small = prune_structure(m, &p, &scores, &r, &error);
    assert_non_null(small);
    assert_int_equal(r.heads, 4);
    assert_int_equal(r.kv_heads, 2);
    logits_of(small, got);
    assert_true(difference(want, got) < 1e-5);
    /* its config.json says so: written and read it is the same model */
    assert_non_null(mkdtemp(dir));
    assert_int_equal(checkpoint_write(small, dir, &(struct checkpoint_options){.type = DTYPE_F32},
                                      &error),
                     0);
    again = model_load(dir, &(struct model_options){.method = MODEL_FROZEN}, &error);
    if (again == NULL)
        fail_msg("%s", error.text);
    logits_of(again, want);
    assert_memory_equal(want, got, sizeof got);
    assert_int_equal(file_remove_tree(dir, &error), 0);
    prune_scores_free(&scores);
    model_free(again);
    model_free(small);
    model_free(m);
}

static const char gpt2[] = "{\"model_type\":\"gpt2\",\"n_embd\":48,\"n_layer\":2,\"n_head\":6,"
                           "\"vocab_size\":80,\"n_positions\":64,\"n_inner\":40}";

static void test_gpt2(void **state)
{
    static float want[TOKENS * VOCAB], got[TOKENS * VOCAB];
    struct model *m = random_model(gpt2, MODEL_FROZEN), *small;
    struct prune_scores scores = prune_scores_new(m);
    struct prune_result r;
    struct error error;
    int64_t index;
    (void)state;
    assert_null(
        prune_structure(m, &(struct prune){.structured = true, .heads = 0.5}, &scores, &r, &error));
    assert_non_null(strstr(error.text, "no head_dim"));
    for (int32_t l = 0; l < LAYERS; l++) { /* stored [in, out]: rows of c_proj are channels */
        const char *name =
            l == 0 ? "transformer.h.0.mlp.c_proj.weight" : "transformer.h.1.mlp.c_proj.weight";
        float x[FF * 48];
        index = model_parameter_find(m, name);
        assert_true(index >= 0);
        model_parameter_get(m, (size_t)index, x);
        for (int32_t i = 0; i < FF; i++) {
            scores.ffn[l * FF + i] = i < 10 ? 0 : 1;
            if (i < 10)
                memset(x + i * 48, 0, 48 * sizeof *x);
        }
        assert_int_equal(model_parameter_set(m, (size_t)index, x, &error), 0);
    }
    logits_of(m, want);
    small =
        prune_structure(m, &(struct prune){.structured = true, .ffn = 0.25}, &scores, &r, &error);
    assert_non_null(small);
    assert_int_equal(r.ffn, 30);
    logits_of(small, got);
    assert_true(difference(want, got) < 1e-5);
    prune_scores_free(&scores);
    model_free(small);
    model_free(m);
}

/* Importance by gradients: a channel's is |sum of weight times gradient| over its three slices,
 * computed here from the parameters themselves. */
static void test_gradients(void **state)
{
    struct model *m = random_model(shapes[1], MODEL_FULL);
    struct prune_scores scores = prune_scores_new(m);
    int32_t ids[TOKENS], rows[TOKENS], targets[TOKENS];
    struct model_pass pass = {.batch = batch_of(ids, rows, targets), .backward = true};
    static const char *const names[] = {"model.layers.1.mlp.gate_proj.weight",
                                        "model.layers.1.mlp.up_proj.weight",
                                        "model.layers.1.mlp.down_proj.weight"};
    double want[FF] = {0}, loss;
    struct error error;
    (void)state;
    model_step_begin(m);
    assert_int_equal(model_pass(m, &pass, &loss, &error), 0);
    prune_scores_gradients(m, &scores);
    for (size_t k = 0; k < 3; k++) {
        const size_t index = (size_t)model_parameter_find(m, names[k]);
        float x[FF * 48], g[FF * 48];
        model_parameter_get(m, index, x);
        model_parameter_gradient(m, index, g);
        for (size_t i = 0; i < FF * 48; i++)
            want[k < 2 ? i / 48 : i % FF] += (double)x[i] * (double)g[i];
    }
    for (int i = 0; i < FF; i++)
        assert_true(fabs(fabs(want[i]) - scores.ffn[FF + i]) < 1e-5 * (1 + fabs(want[i])));
    prune_scores_free(&scores);
    model_free(m);
}

static void test_unstructured(void **state)
{
    struct error error;
    (void)state;
    for (int per = 0; per < 2; per++) {
        struct model *m = random_model(shapes[1], MODEL_FROZEN);
        struct prune p = {.share = 0.3, .per_matrix = per == 1};
        struct prune_result r;
        float largest_zeroed = 0, smallest_kept = INFINITY;
        struct model *whole = random_model(shapes[1], MODEL_FROZEN);
        assert_int_equal(prune_weights(m, &p, &r, &error), 0);
        assert_true(llabs(r.zeros - (int64_t)(0.3 * (double)r.of)) <= (per ? 20 : 1));
        for (size_t i = 0; i < model_parameter_count(m); i++) {
            const struct model_parameter x = model_parameter(m, i);
            const size_t n = (size_t)(x.shape[0] * x.shape[1]);
            float *a = mem_alloc(n * sizeof *a), *b = mem_alloc(n * sizeof *b);
            const bool layer = strncmp(x.name, "model.layers.", 13) == 0 && x.dims == 2;
            model_parameter_get(m, i, a);
            model_parameter_get(whole, i, b);
            for (size_t k = 0; k < n; k++) {
                if (a[k] != b[k]) {
                    assert_true(layer && a[k] == 0);
                    largest_zeroed = fmaxf(largest_zeroed, fabsf(b[k]));
                } else if (layer && b[k] != 0) {
                    smallest_kept = fminf(smallest_kept, fabsf(b[k]));
                }
            }
            mem_free(a);
            mem_free(b);
        }
        if (per == 0)
            assert_true(largest_zeroed <= smallest_kept);
        model_free(whole);
        model_free(m);
    }
}

/* Fine-tuned with the zeros held: they stay, to the bit; everything else learns. */
static void hold_zeros(const struct backend_ops *backend)
{
    char dir[] = "/tmp/retort-prune-XXXXXX";
    struct model *m = random_model(shapes[1], MODEL_FROZEN);
    const struct model_options o = {.backend = backend,
                                    .method = MODEL_FULL,
                                    .hold_zeros = true,
                                    .decay_all = true};
    int32_t ids[TOKENS], rows[TOKENS], targets[TOKENS];
    struct model_pass pass = {.batch = batch_of(ids, rows, targets), .backward = true};
    struct tensor first, second;
    struct prune_result r;
    struct error error;
    int64_t zeros = 0;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(prune_weights(m, &(struct prune){.share = 0.4}, &r, &error), 0);
    assert_int_equal(checkpoint_write(m, dir, &(struct checkpoint_options){.type = DTYPE_F32},
                                      &error),
                     0);
    model_free(m);
    m = model_load(dir, &o, &error);
    assert_non_null(m);
    first = backend_block(model_backend(m), model_values(m).cols, "first", &error);
    second = backend_block(model_backend(m), model_values(m).cols, "second", &error);
    for (int step = 1; step <= 4; step++) {
        double loss;
        model_step_begin(m);
        assert_int_equal(model_pass(m, &pass, &loss, &error), 0);
        assert_true(model_gradient_norm(m) > 0);
        model_adamw(m, first, second,
                    &(struct adamw){.rate = 1e-2,
                                    .beta1 = 0.9,
                                    .beta2 = 0.99,
                                    .epsilon = 1e-8,
                                    .decay = 0.1,
                                    .step = step,
                                    .grad_scale = 1.0 / TOKENS});
    }
    for (size_t i = 0; i < model_parameter_count(m); i++) {
        const struct model_parameter x = model_parameter(m, i);
        const size_t n = (size_t)(x.shape[0] * x.shape[1]);
        float *a = mem_alloc(n * sizeof *a);
        model_parameter_get(m, i, a);
        for (size_t k = 0; k < n && x.dims == 2 && strncmp(x.name, "model.layers.", 13) == 0; k++)
            zeros += a[k] == 0;
        mem_free(a);
    }
    assert_int_equal(zeros, r.zeros);
    model_backend(m)->ops->release(model_backend(m), first.data);
    model_backend(m)->ops->release(model_backend(m), second.data);
    model_free(m);
    assert_int_equal(file_remove_tree(dir, &error), 0);
}

static void test_hold_zeros(void **state)
{
    (void)state;
    hold_zeros(&backend_reference);
    hold_zeros(&backend_cpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),           cmocka_unit_test(test_nothing_lost),
        cmocka_unit_test(test_heads_of_groups), cmocka_unit_test(test_gpt2),
        cmocka_unit_test(test_gradients),       cmocka_unit_test(test_unstructured),
        cmocka_unit_test(test_hold_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
