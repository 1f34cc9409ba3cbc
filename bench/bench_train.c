/*
 * Tokens a second of a training step: a randomly initialised student of a known shape, random
 * tokens, forward, loss, backward, clipping, AdamW.
 *
 *     bench_train shape=smollm2-135m batch=1 seq=512 mode=full|lora supervised=0.4
 *                 steps=4 threads=0 rank=8 recompute=0 precision=f32|bf16
 *
 * Ends with one JSON line.  tokens_per_s: batch*seq over the median step, whatever the supervised
 * share.  gemm_share: time inside matrix products over threads times wall.  sgemm_gflops: a
 * 2048-cube product, measured in the same run.  model_gflops: the model's arithmetic (6 a
 * parameter and supervised token, attention included) over the median step.  On a shared machine
 * look at what is per CPU second of all threads: tokens_per_core_s, model_core_gflops, and the same
 * of a square product with our own tiles and with OpenBLAS; of_sgemm_core is to the better one.
 * bf16_core_gflops: the same product with operands in BF16 (0 with precision=f32); gemm: what
 * multiplies, for bf16 "amx" or "avx512".
 */
#include "core/clock.h"
#include "core/mem.h"
#include "core/rng.h"
#include "model/blas.h"
#include "model/gemm.h"
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 64, CUBE = 2048 };

static const struct {
    const char *name, *config;
} shapes[] = {
    {"smollm2-135m", "{\"model_type\":\"llama\",\"hidden_size\":576,\"num_hidden_layers\":30,"
                     "\"num_attention_heads\":9,\"num_key_value_heads\":3,"
                     "\"intermediate_size\":1536,\"vocab_size\":49152,\"rope_theta\":1e5,"
                     "\"max_position_embeddings\":8192,\"rms_norm_eps\":1e-5,"
                     "\"tie_word_embeddings\":true}"},
    {"qwen2.5-0.5b", "{\"model_type\":\"qwen2\",\"hidden_size\":896,\"num_hidden_layers\":24,"
                     "\"num_attention_heads\":14,\"num_key_value_heads\":2,"
                     "\"intermediate_size\":4864,\"vocab_size\":151936,\"rope_theta\":1e6,"
                     "\"max_position_embeddings\":8192,\"rms_norm_eps\":1e-6,"
                     "\"tie_word_embeddings\":true}"},
    {"small", "{\"model_type\":\"llama\",\"hidden_size\":192,\"num_hidden_layers\":6,"
              "\"num_attention_heads\":6,\"num_key_value_heads\":6,\"intermediate_size\":512,"
              "\"vocab_size\":1024,\"tie_word_embeddings\":true}"},
    {"tiny", "{\"model_type\":\"llama\",\"hidden_size\":64,\"num_hidden_layers\":3,"
             "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"intermediate_size\":172,"
             "\"vocab_size\":307,\"tie_word_embeddings\":true}"},
    {NULL, NULL},
};

struct settings {
    const char *shape, *mode, *precision;
    int batch, seq, steps, threads, rank, recompute;
    double supervised;
};

static int read_word(struct settings *s, const char *word)
{
    const char *value = strchr(word, '=');
    const size_t n = value != NULL ? (size_t)(value - word) : 0;
    const struct {
        const char *name;
        int *number;
    } numbers[] = {{"batch", &s->batch},     {"seq", &s->seq},   {"steps", &s->steps},
                   {"threads", &s->threads}, {"rank", &s->rank}, {"recompute", &s->recompute}};
    if (value == NULL)
        return -1;
    value++;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strncmp(word, numbers[i].name, n) == 0 && numbers[i].name[n] == '\0') {
            *numbers[i].number = (int)strtol(value, NULL, 10);
            return 0;
        }
    }
    if (strncmp(word, "shape=", 6) == 0)
        s->shape = value;
    else if (strncmp(word, "mode=", 5) == 0)
        s->mode = value;
    else if (strncmp(word, "precision=", 10) == 0)
        s->precision = value;
    else if (strncmp(word, "supervised=", 11) == 0)
        s->supervised = strtod(value, NULL);
    else
        return -1;
    return 0;
}

/* batch sequences of seq random tokens; the last `supervised` share of each is supervised. */
static struct batch make_batch(const struct settings *s, int32_t vocab)
{
    const int32_t tokens = s->batch * s->seq;
    const int32_t skipped = (int32_t)((double)s->seq * (1 - s->supervised) + 0.5);
    int32_t *ids = mem_zero((size_t)tokens, sizeof *ids);
    int32_t *rows = mem_zero((size_t)tokens, sizeof *rows);
    int32_t *targets = mem_zero((size_t)tokens, sizeof *targets);
    int32_t *starts = mem_zero((size_t)s->batch + 1, sizeof *starts);
    struct rng rng = rng_new(7, 7);
    int32_t n = 0;
    for (int32_t i = 0; i < tokens; i++)
        ids[i] = (int32_t)rng_below(&rng, (uint32_t)vocab);
    for (int32_t i = 0; i < tokens; i++) {
        const int32_t at = i % s->seq;
        if (at == 0)
            starts[i / s->seq] = i;
        if (at + 1 < s->seq && at + 1 >= skipped) {
            rows[n] = i;
            targets[n++] = ids[i + 1];
        }
    }
    starts[s->batch] = tokens;
    return (struct batch){.ids = ids,
                          .starts = starts,
                          .rows = rows,
                          .targets = targets,
                          .tokens = tokens,
                          .segments = s->batch,
                          .supervised = n};
}

struct trainer {
    struct model *m;
    struct tensor first, second;
    struct batch batch;
    int64_t steps;
};

static double one_step(struct trainer *t, double *loss, struct error *error)
{
    const int64_t start = clock_ns();
    const struct model_pass pass = {.batch = t->batch, .backward = true, .training = true};
    double norm, n = t->batch.supervised;
    model_step_begin(t->m);
    if (model_pass(t->m, &pass, loss, error) != 0)
        return -1;
    *loss /= n;
    norm = model_gradient_norm(t->m) / n;
    model_adamw(t->m, t->first, t->second,
                &(struct adamw){.rate = 1e-4,
                                .beta1 = 0.9,
                                .beta2 = 0.999,
                                .epsilon = 1e-8,
                                .decay = 0.01,
                                .step = ++t->steps,
                                .grad_scale = (norm > 1 ? 1 / norm : 1) / n});
    return (double)(clock_ns() - start) * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct rate {
    double wall, core; /* GFLOP a second, and a CPU second of one core */
};

/* The rate of a large square product, best of a few; half: with operands in BF16. */
static struct rate product_rate(struct pool *pool, bool blas, bool half)
{
    const size_t n = (size_t)CUBE * CUBE;
    const double work = 2.0 * CUBE * CUBE * CUBE;
    float *x = mem_zero(3 * n, sizeof *x);
    struct rate best = {0, 0};
    const struct gemm g = {.m = CUBE,
                           .n = CUBE,
                           .k = CUBE,
                           .a = x,
                           .b = x + n,
                           .c = x + 2 * n,
                           .lda = CUBE,
                           .ldb = CUBE,
                           .ldc = CUBE,
                           .alpha = 1,
                           .half = half};
    for (size_t i = 0; i < 2 * n; i++)
        x[i] = (float)(i % 97) * 0.01f;
    for (int i = 0; i < 5; i++) {
        const int64_t start = clock_ns(), cpu = clock_cpu_ns();
        double wall, core;
        if (blas)
            blas_multiply(&g);
        else
            gemm_run(pool, &g);
        core = work / (double)(clock_cpu_ns() - cpu);
        wall = work / (double)(clock_ns() - start);
        best.core = core > best.core ? core : best.core;
        best.wall = wall > best.wall ? wall : best.wall;
    }
    mem_free(x);
    return best;
}

static int report(const struct settings *s, struct trainer *t, struct pool *pool, double ready,
                  struct error *error)
{
    const struct model_options o = {.method =
                                        strcmp(s->mode, "lora") == 0 ? MODEL_LORA : MODEL_FULL};
    const int threads = pool_threads(pool);
    const bool bf16 = strcmp(s->precision, "bf16") == 0;
    double times[MAX_STEPS], loss = 0, warm, gemm, total = 0, peak, step, flops, core;
    struct rate own, blas = {0, 0}, half = {0, 0};
    int64_t cpu;
    warm = one_step(t, &loss, error);
    if (warm < 0)
        return -1;
    gemm = gemm_seconds();
    cpu = clock_cpu_ns();
    for (int i = 0; i < s->steps; i++) {
        times[i] = one_step(t, &loss, error);
        if (times[i] < 0)
            return -1;
        total += times[i];
    }
    gemm = (gemm_seconds() - gemm) / (total * threads);
    cpu = (clock_cpu_ns() - cpu) / s->steps;
    peak = (double)mem_peak() / (double)(1 << 30);
    qsort(times, (size_t)s->steps, sizeof *times, by_value);
    step = times[s->steps / 2];
    flops = model_flops(model_config(t->m), &o, &t->batch, true) * 1e-9;
    core = flops / ((double)cpu * 1e-9);
    own = product_rate(pool, false, false);
    if (blas_present())
        blas = product_rate(NULL, true, false);
    if (bf16)
        half = product_rate(pool, false, true);
    printf("{\"shape\":\"%s\",\"mode\":\"%s\",\"precision\":\"%s\",\"gemm\":\"%s\",\"batch\":%d,"
           "\"seq\":%d,\"supervised\":%g,"
           "\"threads\":%d,\"tokens_per_s\":%.1f,\"step_s\":%.3f,\"step_min_s\":%.3f,"
           "\"step_cpu_s\":%.3f,\"tokens_per_core_s\":%.1f,"
           "\"peak_rss_gb\":%.2f,\"gemm_share\":%.3f,\"model_gflops\":%.1f,\"sgemm_gflops\":%.1f,"
           "\"of_sgemm\":%.3f,"
           "\"model_core_gflops\":%.1f,\"sgemm_core_gflops\":%.1f,\"openblas_core_gflops\":%.1f,"
           "\"of_sgemm_core\":%.3f,\"bf16_core_gflops\":%.1f,\"ready_s\":%.2f,\"first_step_s\":%."
           "2f,\"loss\":%.4f,"
           "\"parameters\":%lld,\"trainable\":%lld}\n",
           s->shape, s->mode, s->precision, bf16 ? gemm_half_name() : gemm_library(), s->batch,
           s->seq, s->supervised, threads, t->batch.tokens / step, step, times[0],
           (double)cpu * 1e-9, t->batch.tokens / ((double)cpu * 1e-9), peak, gemm, flops / step,
           own.wall, flops / step / own.wall, core, own.core, blas.core,
           core / (own.core > blas.core ? own.core : blas.core), half.core, ready, warm, loss,
           (long long)model_total(t->m), (long long)model_trainable(t->m));
    return 0;
}

static int run(const struct settings *s, const char *config_text, struct error *error)
{
    const int64_t start = clock_ns();
    struct pool *pool = pool_new(s->threads);
    struct model_options o = {.pool = pool, .method = MODEL_FULL, .seed = 1};
    struct model_config config;
    struct trainer t = {NULL, TENSOR_ABSENT, TENSOR_ABSENT, {0}, 0};
    struct model_limits limits = {.backward = true,
                                  .recompute = s->recompute != 0,
                                  .one_pass = true};
    o.half = strcmp(s->precision, "bf16") == 0;
    if (o.half && gemm_half_name() == NULL)
        return error_set(error, ERROR_USAGE, "precision=bf16: not in this processor");
    if (strcmp(s->mode, "lora") == 0) {
        o.method = MODEL_LORA;
        o.lora = (struct lora_config){.rank = s->rank, .alpha = 2 * s->rank, .targets = LORA_ALL};
    }
    if (config_parse(&config, slice_of(config_text), s->shape, error) != 0)
        return -1;
    t.m = model_random(&config, &o, error);
    config_clear(&config);
    if (t.m == NULL)
        return -1;
    t.batch = make_batch(s, model_config(t.m)->vocab);
    limits.tokens = t.batch.tokens;
    limits.supervised = t.batch.supervised;
    t.first = backend_block(model_backend(t.m), model_values(t.m).cols, "moments", error);
    t.second = backend_block(model_backend(t.m), model_values(t.m).cols, "moments", error);
    if (t.first.data == NULL || t.second.data == NULL || model_reserve(t.m, &limits, error) != 0)
        return -1;
    return report(s, &t, pool, (double)(clock_ns() - start) * 1e-9, error);
}

int main(int argc, char **argv)
{
    struct settings s = {"smollm2-135m", "full", "f32", 1, 512, 4, 0, 8, 0, 1};
    struct error error;
    size_t i = 0;
    for (int k = 1; k < argc; k++) {
        if (read_word(&s, argv[k]) != 0) {
            fprintf(stderr, "bench_train: unknown word %s\n", argv[k]);
            return 2;
        }
    }
    while (shapes[i].name != NULL && strcmp(shapes[i].name, s.shape) != 0)
        i++;
    if (shapes[i].name == NULL || s.steps < 1 || s.steps > MAX_STEPS) {
        fprintf(stderr,
                "bench_train: shapes are smollm2-135m, qwen2.5-0.5b, small, tiny; steps 1 to %d\n",
                MAX_STEPS);
        return 2;
    }
    if (run(&s, shapes[i].config, &error) != 0) {
        fprintf(stderr, "bench_train: %s\n", error.text);
        return 1;
    }
    return 0;
}
