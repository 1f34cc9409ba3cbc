/*
 * Every causal model of ../shared/golden/models against what PyTorch computed: logits, losses,
 * gradients, weights after 1 and 5 AdamW steps, greedy tokens, packing, LoRA and its merge; with
 * the reference backend and with the cpu backend on 1 and 3 threads.  Prints one line a model with
 * the largest errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/checkpoint.h"
#include "tests/model/golden.h"

static const char *const models[] = {"llama", "qwen2",      "qwen3",
                                     "gpt2",  "llama3rope", "qwen2-bf16-sharded"};

struct worst {
    double logits, loss, grads, grad_noise, step1, step5;
};

static struct model *load(const char *dir, const struct model_options *options)
{
    struct error error;
    struct model *m = model_load(dir, options, &error);
    if (m == NULL)
        fail_msg("%s", error.text);
    return m;
}

/* Largest difference of the logits of each sequence to golden.safetensors' PREFIX.i. */
static double check_logits(struct model *m, const struct json *g, const char *dir, const char *file,
                           const char *prefix)
{
    struct error error;
    char *path = file_join(dir, file);
    struct safetensors *want = safetensors_open(path, &error);
    double worst = 0;
    assert_non_null(want);
    for (size_t s = 0; s < json_count(json_get(g, "input_ids")); s++) {
        struct golden_batch b = golden_batch(json_get(g, "input_ids"), json_get(g, "labels"), s, 1);
        const size_t n = (size_t)b.batch.tokens * (size_t)model_config(m)->vocab;
        float *got = mem_alloc(n * sizeof *got), *expected = mem_alloc(n * sizeof *got);
        char name[32];
        for (int32_t i = 0; i < b.batch.tokens; i++)
            b.rows[i] = i;
        snprintf(name, sizeof name, "%s.%zu", prefix, s);
        assert_non_null(safetensors_find(want, name));
        assert_int_equal(safetensors_floats(safetensors_find(want, name), 0, n, expected, &error),
                         0);
        assert_int_equal(model_logits(m, &b.batch, b.rows, b.batch.tokens, got, &error), 0);
        for (size_t i = 0; i < n; i++)
            if (!(fabs((double)got[i] - (double)expected[i]) <= worst))
                worst = fabs((double)got[i] - (double)expected[i]);
        mem_free(got);
        mem_free(expected);
        golden_batch_free(&b);
    }
    safetensors_close(want);
    mem_free(path);
    return worst;
}

/* All parameters, or all gradients times scale, against the summaries under `key`.  The part of
 * GPT-2's c_attn.bias whose exact gradient is zero is left out after a step. */
static struct golden_error check_tensors(struct model *m, const struct json *g, const char *key,
                                         bool gradients, double scale)
{
    struct golden_error worst = {0, 0};
    size_t seen = 0;
    for (size_t i = 0; i < model_parameter_count(m); i++) {
        const struct model_parameter p = model_parameter(m, i);
        const struct json *summary = json_get(json_get(g, key), p.name);
        const size_t n = (size_t)(p.shape[0] * p.shape[1]);
        float *x;
        if (!p.trainable)
            continue;
        assert_non_null(summary);
        seen++;
        if (!gradients && strstr(p.name, "c_attn.bias") != NULL)
            continue;
        x = mem_alloc(n * sizeof *x);
        if (gradients)
            model_parameter_gradient(m, i, x);
        else
            model_parameter_get(m, i, x);
        for (size_t k = 0; k < n; k++)
            x[k] *= (float)scale;
        golden_compare(summary, x, n, &worst);
        mem_free(x);
    }
    assert_int_equal(seen, json_count(json_get(g, key)));
    return worst;
}

/* `steps` steps of AdamW on one batch in micro-batches of one sequence or all at once. */
static void check_training(struct model *m, const struct json *g, bool packed, struct worst *w)
{
    const struct json *ids = json_get(g, "input_ids"), *labels = json_get(g, "labels");
    const size_t sequences = json_count(ids), micro = packed ? 1 : sequences;
    struct backend *b = model_backend(m);
    const int64_t n = model_values(m).cols;
    struct error error;
    struct tensor first = backend_block(b, n, "first", &error);
    struct tensor second = backend_block(b, n, "second", &error);
    for (int step = 0; step <= 5; step++) {
        double loss = 0, count = 0, norm, want;
        model_step_begin(m);
        for (size_t i = 0; i < micro; i++) {
            struct golden_batch batch =
                golden_batch(ids, labels, packed ? 0 : i, packed ? sequences : 1);
            struct model_pass pass = {.batch = batch.batch, .backward = true, .training = true};
            double sum = 0;
            if (model_pass(m, &pass, &sum, &error) != 0)
                fail_msg("%s", error.text);
            loss += sum;
            count += batch.batch.supervised;
            golden_batch_free(&batch);
        }
        want = step == 5 ? json_number(json_get(g, "loss_after_last_step"), (double)NAN)
                         : json_number(json_at(json_get(g, "loss_before_step"), (size_t)step),
                                       (double)NAN);
        /* Where a gradient is nearly nothing AdamW makes a step of its rounding. */
        w->loss = fmax(w->loss, fabs(loss / count - want) * (step == 0 ? 1 : 0.2));
        norm = model_gradient_norm(m) / count;
        if (step < 5) {
            want =
                json_number(json_at(json_get(g, "grad_l2_before_step"), (size_t)step), (double)NAN);
            w->grads = fmax(w->grads, fabs(norm - want) / want);
        }
        if (step == 0) {
            const struct golden_error e = check_tensors(m, g, "grads", true, 1 / count);
            w->grads = fmax(w->grads, e.relative);
            w->grad_noise = e.noises;
        }
        model_adamw(m, first, second,
                    &(struct adamw){.rate = 1e-3,
                                    .beta1 = 0.9,
                                    .beta2 = 0.999,
                                    .epsilon = 1e-8,
                                    .decay = 0.01,
                                    .step = step + 1,
                                    .grad_scale = 1 / count});
        if (step == 0)
            w->step1 = check_tensors(m, g, "params_after_1_step", false, 1).relative;
        if (step == 4)
            w->step5 = check_tensors(m, g, "params_after_5_steps", false, 1).relative;
    }
    b->ops->release(b, first.data);
    b->ops->release(b, second.data);
}

/* Greedy tokens by full forward passes. */
static void check_greedy(struct model *m, const struct json *greedy)
{
    const struct json *prompt = json_get(greedy, "prompt"), *want = json_get(greedy, "tokens");
    const size_t n = json_count(prompt), count = json_count(want);
    const int32_t vocab = model_config(m)->vocab;
    int32_t *ids = mem_zero(n + count, sizeof *ids);
    float *logits = mem_alloc((size_t)vocab * sizeof *logits);
    struct error error;
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)json_number(json_at(prompt, i), 0);
    for (size_t i = 0; i < count; i++) {
        const int32_t starts[2] = {0, (int32_t)(n + i)}, row = (int32_t)(n + i) - 1;
        const struct batch b = {.ids = ids, .starts = starts, .tokens = row + 1, .segments = 1};
        int32_t best = 0;
        assert_int_equal(model_logits(m, &b, &row, 1, logits, &error), 0);
        for (int32_t k = 1; k < vocab; k++)
            if (logits[k] > logits[best])
                best = k;
        assert_int_equal(best, (int32_t)json_number(json_at(want, i), -1));
        ids[n + i] = best;
    }
    mem_free(ids);
    mem_free(logits);
}

/* The merged matrices against their summaries. */
static struct golden_error check_merged(struct model *m, const struct json *g)
{
    struct golden_error worst = {0, 0};
    const struct json *merged = json_get(g, "merged_weights");
    for (const struct json *s = json_first(merged); s != NULL; s = json_next(s)) {
        const int64_t i = model_parameter_find(m, json_key(s));
        size_t n;
        float *x;
        assert_true(i >= 0);
        n = (size_t)tensor_count(model_parameter(m, (size_t)i).value);
        x = mem_alloc(n * sizeof *x);
        model_parameter_get(m, (size_t)i, x);
        golden_compare(s, x, n, &worst);
        mem_free(x);
    }
    return worst;
}

static void report(const char *name, const char *how, const struct worst *w)
{
    printf("golden %-20s %-16s logits %.1e  loss %.1e  grads %.1e (%.2f)  step1 %.1e  step5 "
           "%.1e\n",
           name, how, w->logits, w->loss, w->grads, w->grad_noise, w->step1, w->step5);
    assert_true(w->logits < 1e-4);
    assert_true(w->loss < 1e-5);
    assert_true(w->grads < 1e-3);
    assert_true(w->step1 < 1e-3);
    assert_true(w->step5 < 1e-3);
}

static void check_model(const char *name, struct model_options o, const char *how, bool packed)
{
    char *dir = file_join(GOLDEN, name);
    struct json *g = golden_json(dir, "golden.json");
    struct worst w = {0};
    struct model *m;
    o.decay_all = true;
    o.method = MODEL_FULL;
    m = load(dir, &o);
    w.logits = check_logits(m, g, dir, "golden.safetensors", "logits");
    check_greedy(m, json_get(g, "generate"));
    check_training(m, g, packed, &w);
    report(name, how, &w);
    model_free(m);
    json_free(g);
    mem_free(dir);
}

static bool missing(void)
{
    if (file_exists(GOLDEN "/llama/golden.json"))
        return false;
    printf("SKIP: " GOLDEN " is not here\n");
    return true;
}

/* The PEFT adapter: read, trained, merged in memory, and merged on the way to disk. */
static void check_lora(const struct backend_ops *backend)
{
    struct model_options o = {.backend = backend, .method = MODEL_LORA, .decay_all = true};
    struct json *g = golden_json(GOLDEN "/qwen2-lora", "golden.json");
    struct worst w = {0}, merged = {0};
    struct error error;
    struct golden_error e;
    struct model *m;
    assert_int_equal(checkpoint_adapter_config(GOLDEN "/qwen2-lora", &o.lora, &error), 0);
    m = load(GOLDEN "/qwen2", &o);
    if (checkpoint_read_adapter(m, GOLDEN "/qwen2-lora", &error) != 0)
        fail_msg("%s", error.text);
    w.logits = check_logits(m, g, GOLDEN "/qwen2-lora", "golden.safetensors", "adapter");
    check_training(m, g, false, &w);
    report("qwen2-lora", backend->name, &w);
    assert_int_equal(checkpoint_read_adapter(m, GOLDEN "/qwen2-lora", &error), 0);
    assert_int_equal(model_merge(m, &error), 0);
    assert_null(model_lora(m));
    merged.logits = check_logits(m, g, GOLDEN "/qwen2-lora", "golden.safetensors", "merged");
    e = check_merged(m, g);
    merged.grads = e.relative;
    report("qwen2-lora merged", backend->name, &merged);
    check_greedy(m, json_get(g, "generate_merged"));
    model_free(m);
    json_free(g);
}

/* A base kept as BF16 whose weights are BF16 anyway gives what a float base gives. */
static void test_half_base(void **state)
{
    struct model_options o = {.method = MODEL_LORA,
                              .lora = {.rank = 4, .alpha = 8, .targets = LORA_ALL}};
    struct json *g;
    struct model *full, *half;
    const char *dir = GOLDEN "/qwen2-bf16-sharded";
    double sums[2] = {0, 0}, norms[2];
    struct error error;
    (void)state;
    if (missing())
        skip();
    g = golden_json(dir, "golden.json");
    full = load(dir, &o);
    o.frozen_type = DTYPE_BF16;
    half = load(dir, &o);
    assert_true(check_logits(half, g, dir, "golden.safetensors", "logits") < 1e-4);
    for (int i = 0; i < 2; i++) {
        struct model *m = i == 0 ? full : half;
        struct golden_batch b = golden_batch(json_get(g, "input_ids"), json_get(g, "labels"), 0, 2);
        model_step_begin(m);
        assert_int_equal(model_pass(m, &(struct model_pass){.batch = b.batch, .backward = true},
                                    &sums[i], &error),
                         0);
        norms[i] = model_gradient_norm(m);
        golden_batch_free(&b);
    }
    assert_true(fabs(sums[0] - sums[1]) < 1e-5 * sums[0]);
    assert_true(fabs(norms[0] - norms[1]) < 1e-4 * norms[0]);
    assert_int_equal(model_merge(half, &error), -1);
    model_free(full);
    model_free(half);
    json_free(g);
}

static void test_lora(void **state)
{
    (void)state;
    if (missing())
        skip();
    check_lora(&backend_reference);
    check_lora(&backend_cpu);
}

static void test_reference(void **state)
{
    (void)state;
    if (missing())
        skip();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        check_model(models[i], (struct model_options){.backend = &backend_reference}, "reference",
                    false);
}

static void test_cpu(void **state)
{
    struct pool *pool = pool_new(3);
    (void)state;
    if (missing())
        skip();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        check_model(models[i], (struct model_options){.backend = &backend_cpu}, "cpu", false);
        check_model(models[i], (struct model_options){.backend = &backend_cpu, .pool = pool},
                    "cpu packed 3 th", true);
    }
    pool_free(pool);
}

static void test_packing(void **state)
{
    struct json *g;
    struct worst w = {0};
    struct model_options o = {.backend = &backend_cpu, .method = MODEL_FULL, .decay_all = true};
    struct model *m;
    (void)state;
    if (missing())
        skip();
    g = golden_json(GOLDEN "/packing", "golden.json");
    m = load(GOLDEN "/llama", &o);
    check_training(m, g, true, &w);
    report("packing", "cpu", &w);
    model_free(m);
    json_free(g);
}

/* Version 4 and version 5 of a config.json mean the same. */
static void test_config_versions(void **state)
{
    (void)state;
    if (missing())
        skip();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char *dir = file_join(GOLDEN, models[i]), *path = file_join(dir, "config.v4.json");
        struct model_config new, old;
        struct buf text = BUF;
        struct error error;
        assert_int_equal(config_read(&new, dir, &error), 0);
        assert_int_equal(file_read(path, &text, &error), 0);
        assert_int_equal(config_parse(&old, buf_view(&text), path, &error), 0);
        json_free(new.source);
        json_free(old.source);
        new.source = old.source = NULL;
        assert_memory_equal(&new, &old, sizeof new);
        buf_free(&text);
        mem_free(dir);
        mem_free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_versions),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_packing),
        cmocka_unit_test(test_lora),
        cmocka_unit_test(test_half_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
