/*
 * Folders written and read again: golden models as F32 give the same logits bit for bit, as BF16
 * what rounding allows; LoRA adapters and merging on the way out; bad folders are refused by name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/checkpoint.h"
#include "tests/model/golden.h"

#include <unistd.h>

static const char *const models[] = {"llama", "qwen2", "qwen3", "gpt2", "llama3rope"};
static char folder[64];

static bool missing(void)
{
    if (file_exists(GOLDEN "/llama/golden.json"))
        return false;
    printf("SKIP: " GOLDEN " is not here\n");
    return true;
}

static struct model *load(const char *dir, const struct model_options *options)
{
    struct error error;
    struct model *m = model_load(dir, options, &error);
    if (m == NULL)
        fail_msg("%s", error.text);
    return m;
}

static float *logits_of(struct model *m, size_t *n)
{
    const int32_t ids[] = {1, 40, 200, 7, 250, 31, 2}, rows[] = {0, 1, 2, 3, 4, 5, 6};
    const int32_t starts[] = {0, 4, 7};
    const struct batch b = {.ids = ids, .starts = starts, .tokens = 7, .segments = 2};
    struct error error;
    float *out;
    *n = 7 * (size_t)model_config(m)->vocab;
    out = mem_alloc(*n * sizeof *out);
    assert_int_equal(model_logits(m, &b, rows, 7, out, &error), 0);
    return out;
}

static double difference(struct model *a, struct model *b)
{
    size_t n, same;
    float *x = logits_of(a, &n), *y = logits_of(b, &same);
    double worst = 0;
    assert_int_equal(n, same);
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)x[i] - (double)y[i]));
    mem_free(x);
    mem_free(y);
    return worst;
}

static double written(struct model *m, enum dtype type)
{
    const struct model_options o = {.backend = NULL};
    struct error error;
    struct model *again;
    double d;
    if (checkpoint_write(m, folder, &(struct checkpoint_options){.type = type}, &error) != 0)
        fail_msg("%s", error.text);
    again = load(folder, &o);
    d = difference(m, again);
    model_free(again);
    assert_int_equal(file_remove_tree(folder, &error), 0);
    return d;
}

static void test_round_trip(void **state)
{
    const struct model_options o = {.backend = NULL};
    (void)state;
    if (missing())
        skip();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char *dir = file_join(GOLDEN, models[i]);
        struct model *m = load(dir, &o);
        assert_true(written(m, DTYPE_F32) == 0);
        assert_true(written(m, DTYPE_BF16) < 0.1);
        assert_true(written(m, DTYPE_F16) < 0.02);
        model_free(m);
        mem_free(dir);
    }
}

static void test_adapter(void **state)
{
    struct model_options o = {
        .method = MODEL_LORA,
        .seed = 5,
        .lora = {.rank = 3, .alpha = 12, .targets = LORA_ALL, .rslora = true}};
    (void)state;
    if (missing())
        skip();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char *dir = file_join(GOLDEN, models[i]);
        struct model *m = load(dir, &o), *again;
        struct model_options other = o;
        struct error error;
        /* B begins at zero: give every adapter value something. */
        for (size_t k = 0; k < model_parameter_count(m); k++) {
            const struct model_parameter p = model_parameter(m, k);
            const size_t n = (size_t)tensor_count(p.value);
            float *x = mem_alloc(n * sizeof *x);
            for (size_t e = 0; e < n; e++)
                x[e] = 0.02f * (float)((e * 7 + k) % 11) - 0.1f;
            if (p.adapter)
                assert_int_equal(model_parameter_set(m, k, x, &error), 0);
            mem_free(x);
        }
        assert_int_equal(checkpoint_write_adapter(m, folder,
                                                  &(struct checkpoint_options){.base = dir},
                                                  &error),
                         0);
        memset(&other.lora, 0, sizeof other.lora);
        assert_int_equal(checkpoint_adapter_config(folder, &other.lora, &error), 0);
        assert_int_equal(other.lora.rank, 3);
        assert_true(other.lora.rslora);
        other.seed = 6;
        again = load(dir, &other);
        assert_true(difference(m, again) > 0.01);
        if (checkpoint_read_adapter(again, folder, &error) != 0)
            fail_msg("%s", error.text);
        assert_true(difference(m, again) == 0);
        assert_int_equal(file_remove_tree(folder, &error), 0);
        assert_true(written(m, DTYPE_F32) < 1e-4); /* merged on the way */
        assert_int_equal(model_merge(again, &error), 0);
        assert_true(difference(m, again) < 1e-4);
        model_free(again);
        model_free(m);
        mem_free(dir);
    }
}

static int write_file(const char *name, const char *text)
{
    struct error error;
    char *path = file_join(folder, name);
    const int status = file_replace(path, slice_of(text), &error);
    mem_free(path);
    return status;
}

static void expect_refusal(const char *config, const char *word)
{
    struct model_config c;
    struct error error;
    error_clear(&error);
    assert_int_equal(config_parse(&c, slice_of(config), "config.json", &error), -1);
    if (strstr(error.text, word) == NULL)
        fail_msg("\"%s\" does not name %s", error.text, word);
}

#define LLAMA                                                                                      \
    "\"model_type\":\"llama\",\"vocab_size\":100,\"num_hidden_layers\":2,\"intermediate_size\":"   \
    "32,"

static void test_config_refusals(void **state)
{
    (void)state;
    expect_refusal("{\"vocab_size\":5}", "model_type");
    expect_refusal("{\"model_type\":\"mamba\",\"vocab_size\":5}", "mamba");
    expect_refusal("{" LLAMA "\"hidden_size\":64,\"num_attention_heads\":0}",
                   "num_attention_heads");
    expect_refusal("{" LLAMA "\"hidden_size\":64}", "num_attention_heads");
    expect_refusal("{" LLAMA "\"hidden_size\":-1,\"num_attention_heads\":4}", "hidden_size");
    expect_refusal("{" LLAMA "\"hidden_size\":65,\"num_attention_heads\":4}", "hidden_size");
    expect_refusal("{" LLAMA
                   "\"hidden_size\":64,\"num_attention_heads\":4,\"num_key_value_heads\":3}",
                   "num_key_value_heads");
    expect_refusal("{" LLAMA "\"hidden_size\":64,\"num_attention_heads\":4,\"head_dim\":15}",
                   "head_dim");
    expect_refusal("{" LLAMA
                   "\"hidden_size\":64,\"num_attention_heads\":4,\"hidden_act\":\"relu\"}",
                   "relu");
    expect_refusal("{" LLAMA "\"hidden_size\":64,\"num_attention_heads\":4,\"rope_scaling\":{"
                   "\"rope_type\":\"dynamic\",\"factor\":2}}",
                   "dynamic");
    expect_refusal("{" LLAMA "\"hidden_size\":64,\"num_attention_heads\":4,\"rope_theta\":1e4,"
                   "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":1e6}}",
                   "rope_theta");
    expect_refusal("{" LLAMA "\"hidden_size\":64,\"num_attention_heads\":4,\"rope_theta\":1e4,"
                   "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":1e4},"
                   "\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":2}}",
                   "contradict");
    expect_refusal("{" LLAMA "\"hidden_size\":64,\"num_attention_heads\":4,"
                   "\"quantization_config\":{\"bits\":4}}",
                   "quantization_config");
    expect_refusal("{" LLAMA "\"hidden_size\":64,\"num_attention_heads\":4,\"eos_token_id\":100}",
                   "eos_token_id");
    expect_refusal("{" LLAMA "\"hidden_size\":1048576,\"num_attention_heads\":65536,"
                   "\"head_dim\":4096,\"num_hidden_layers\":4096}",
                   "parameters");
}

static void expect_load_refusal(const char *word)
{
    const struct model_options o = {.backend = NULL};
    struct error error;
    error_clear(&error);
    assert_null(model_load(folder, &o, &error));
    if (strstr(error.text, word) == NULL)
        fail_msg("\"%s\" does not name %s", error.text, word);
}

/* A model of a few numbers, whose file can be spoilt. */
static void write_tiny(const char *except, float poison)
{
    static const struct {
        const char *name;
        int64_t rows, cols;
    } all[] = {{"model.embed_tokens.weight", 6, 4},
               {"model.layers.0.input_layernorm.weight", 4, 0},
               {"model.layers.0.post_attention_layernorm.weight", 4, 0},
               {"model.layers.0.self_attn.q_proj.weight", 4, 4},
               {"model.layers.0.self_attn.k_proj.weight", 4, 4},
               {"model.layers.0.self_attn.v_proj.weight", 4, 4},
               {"model.layers.0.self_attn.o_proj.weight", 4, 4},
               {"model.layers.0.mlp.gate_proj.weight", 8, 4},
               {"model.layers.0.mlp.up_proj.weight", 8, 4},
               {"model.layers.0.mlp.down_proj.weight", 4, 8},
               {"model.norm.weight", 4, 0}};
    struct safetensors_spec specs[12];
    struct safetensors_writer *w;
    struct error error;
    float x[32] = {0};
    size_t n = 0;
    char *path = file_join(folder, "model.safetensors");
    assert_int_equal(file_make_dir(folder, &error), 0);
    assert_int_equal(write_file("config.json",
                                "{\"model_type\":\"llama\",\"vocab_size\":6,\"hidden_size\":4,"
                                "\"num_hidden_layers\":1,\"num_attention_heads\":2,"
                                "\"intermediate_size\":8,\"tie_word_embeddings\":true}"),
                     0);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *name = all[i].name;
        if (strcmp(name, except) == 0 && poison == 0)
            continue;
        specs[n++] = (struct safetensors_spec){name,
                                               DTYPE_F32,
                                               all[i].cols > 0 ? 2 : 1,
                                               {all[i].rows, all[i].cols}};
    }
    w = safetensors_create(path, specs, n, &error);
    assert_non_null(w);
    for (size_t i = 0; i < n; i++) {
        const size_t count =
            (size_t)(specs[i].shape[0] * (specs[i].dims == 2 ? specs[i].shape[1] : 1));
        x[3] = strcmp(specs[i].name, except) == 0 ? poison : 0.5f;
        assert_int_equal(safetensors_put(w, x, count, &error), 0);
    }
    assert_int_equal(safetensors_commit(w, &error), 0);
    mem_free(path);
}

static void test_load_refusals(void **state)
{
    const struct model_options o = {.backend = NULL};
    struct error error;
    struct model *m;
    (void)state;
    expect_load_refusal("config.json");
    write_tiny("", 0);
    m = load(folder, &o);
    model_free(m);
    write_tiny("model.norm.weight", NAN);
    expect_load_refusal("model.norm.weight");
    write_tiny("model.layers.0.mlp.down_proj.weight", INFINITY);
    expect_load_refusal("down_proj");
    write_tiny("model.layers.0.self_attn.q_proj.weight", 0);
    expect_load_refusal("q_proj.weight is missing");
    write_tiny("", 0);
    assert_int_equal(write_file("config.json",
                                "{\"model_type\":\"llama\",\"vocab_size\":7,\"hidden_size\":4,"
                                "\"num_hidden_layers\":1,\"num_attention_heads\":2,"
                                "\"intermediate_size\":8,\"tie_word_embeddings\":true}"),
                     0);
    expect_load_refusal("embed_tokens");
    assert_int_equal(write_file("model.safetensors", "short"), 0);
    expect_load_refusal("model.safetensors");
    assert_int_equal(file_remove_tree(folder, &error), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_adapter),
        cmocka_unit_test(test_config_refusals),
        cmocka_unit_test(test_load_refusals),
    };
    snprintf(folder, sizeof folder, "/tmp/retort-test-checkpoint-%d", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
