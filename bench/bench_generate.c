/*
 * bench_generate model=DIR [sequences=1,8,32] [tokens=128] [prompt=12] [capacity=512] [threads=0]
 *                [int8=0] [keep=1] [temperature=1] [rounds=3] : generation alone, without HTTP.  So many
 * sequences of random prompts are continued together by `tokens` tokens each, in a
 * cache that has been used before; the best of `rounds`, one JSON line a number of sequences.  tokens_per_cpu_s counts the CPU seconds of all threads;
 * digest: equal where all tokens were.
 */
#define _DEFAULT_SOURCE

#include "bench/words.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/mem.h"
#include "core/rng.h"
#include "model/generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

struct bench {
    struct model *model;
    int32_t sequences, tokens, prompt, capacity;
    double temperature;
};

struct taken {
    double seconds, cpu;
    uint64_t digest;
};

static int word(int argc, char **argv, const char *name, const char *fallback)
{
    return (int)strtol(words_find(argc, argv, name, fallback), NULL, 10);
}

static double cpu_seconds(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int open_all(const struct bench *b, struct generator *g, struct error *error)
{
    const uint32_t vocab = (uint32_t)model_config(b->model)->vocab;
    int32_t *ids = mem_zero((size_t)b->prompt, sizeof *ids);
    int rc = 0;
    for (int32_t i = 0; i < b->sequences && rc == 0; i++) {
        for (int32_t k = 0; k < b->prompt; k++)
            ids[k] = (int32_t)(rng_at(1, (uint64_t)i, (uint64_t)k) % vocab);
        rc = generator_open(g, ids, b->prompt, error) == i ? 0 : -1;
    }
    mem_free(ids);
    return rc;
}

/* A token for every sequence. */
static int advance(const struct bench *b, struct generator *g, int32_t number, struct error *error)
{
    if (generator_forward(g, error) != 0)
        return -1;
    for (int32_t i = 0; i < b->sequences; i++) {
        struct sampling s = SAMPLING_GREEDY;
        struct sampling_state state = {.drawn = (uint64_t)number};
        s.temperature = b->temperature;
        s.seed = (uint64_t)i;
        state.tokens = generator_tokens(g, i, &state.n);
        (void)generator_accept(g, i,
                               sampling_pick(&s, generator_logits(g, i),
                                             model_config(b->model)->vocab, &state));
    }
    return 0;
}

static uint64_t digest_of(const struct bench *b, const struct generator *g)
{
    uint64_t digest = 0;
    for (int32_t i = 0; i < b->sequences; i++) {
        int32_t n;
        const int32_t *ids = generator_tokens(g, i, &n);
        digest = hash64(ids, (size_t)n * sizeof *ids, digest);
    }
    return digest;
}

static int measure(const struct bench *b, struct generator *g, struct taken *t, struct error *error)
{
    int rc = open_all(b, g, error);
    const double cpu = cpu_seconds();
    const int64_t began = clock_ns();
    for (int32_t i = 0; i < b->tokens && rc == 0; i++)
        rc = advance(b, g, i, error);
    t->seconds = (double)(clock_ns() - began) / 1e9;
    t->cpu = cpu_seconds() - cpu;
    if (rc == 0)
        t->digest = digest_of(b, g);
    for (int32_t i = 0; i < b->sequences && rc == 0; i++)
        generator_close(g, i);
    generator_forget(g);
    return rc;
}

static int rounds_of(const struct bench *b, int rounds, struct error *error)
{
    const double tokens = (double)b->sequences * b->tokens;
    const struct generator_options how = {b->sequences, b->capacity};
    struct generator *g = generator_new(b->model, &how, error);
    struct taken best = {0}, t = {0};
    int rc = g == NULL ? -1 : 0;
    for (int i = 0; i <= rounds && rc == 0; i++) {
        rc = measure(b, g, &t, error);
        if (i <= 1 || t.seconds < best.seconds) /* the first warms up */
            best.seconds = t.seconds;
        if (i <= 1 || t.cpu < best.cpu)
            best.cpu = t.cpu;
    }
    generator_free(g);
    if (rc != 0)
        return -1;
    printf("{\"sequences\":%d,\"tokens\":%.0f,\"tokens_per_s\":%.1f,\"tokens_per_cpu_s\":%.1f,"
           "\"digest\":\"%016llx\"}\n",
           (int)b->sequences, tokens, tokens / best.seconds, tokens / best.cpu,
           (unsigned long long)t.digest);
    (void)fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct model_options options = {.method = MODEL_FROZEN};
    const char *list = words_find(argc, argv, "sequences", "1,8,32");
    struct bench b = {.tokens = word(argc, argv, "tokens", "128"),
                      .prompt = word(argc, argv, "prompt", "12"),
                      .capacity = word(argc, argv, "capacity", "512"),
                      .temperature = strtod(words_find(argc, argv, "temperature", "1"), NULL)};
    struct error error = {0};
    int rc;
    options.pool = pool_new(word(argc, argv, "threads", "0"));
    options.frozen_type = word(argc, argv, "int8", "0") != 0 ? DTYPE_I8 : DTYPE_F32;
    options.keep_bf16 = word(argc, argv, "keep", "1") != 0;
    b.model = model_load(words_find(argc, argv, "model", "demo/teacher"), &options, &error);
    rc = b.model == NULL ? -1 : 0;
    while (rc == 0 && *list != '\0') {
        char *end;
        b.sequences = (int32_t)strtol(list, &end, 10);
        list = *end == ',' ? end + 1 : "";
        rc = rounds_of(&b, word(argc, argv, "rounds", "3"), &error);
    }
    if (rc != 0)
        (void)fprintf(stderr, "bench_generate: %s\n", error.text);
    model_free(b.model);
    pool_free(options.pool);
    return rc == 0 ? 0 : 1;
}
