/*
 * Generation: golden tokens through the key-value cache; a sequence's logits are the same bits
 * alone, beside others, and with its prefix found in the cache; sampling; the text of real
 * weights.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "model/generate.h"
#include "tests/model/golden.h"
#include "tests/model/stories.h"

#define TINYSTORIES "../shared/models/tinystories-656k"
#define STORIES     "../shared/models/stories260K"

static const char *const models[] = {"llama", "qwen2",      "qwen3",
                                     "gpt2",  "llama3rope", "qwen2-bf16-sharded"};

static bool missing(const char *path)
{
    if (file_exists(path))
        return false;
    printf("SKIP: %s is not here\n", path);
    return true;
}

static struct model *load(const char *dir, const struct backend_ops *backend, struct pool *pool)
{
    struct error error;
    struct model *m =
        model_load(dir, &(struct model_options){.backend = backend, .pool = pool}, &error);
    if (m == NULL)
        fail_msg("%s", error.text);
    return m;
}

static struct generator *make(struct model *m, int32_t slots, int32_t capacity)
{
    struct error error;
    struct generator *g = generator_new(m, &(struct generator_options){slots, capacity}, &error);
    if (g == NULL)
        fail_msg("%s", error.text);
    return g;
}

static void check_golden(const char *name, const struct backend_ops *backend)
{
    char *dir = file_join(GOLDEN, name);
    struct json *j = golden_json(dir, "golden.json");
    const struct json *greedy = json_get(j, "generate");
    const struct json *prompt = json_get(greedy, "prompt"), *want = json_get(greedy, "tokens");
    struct model *m = load(dir, backend, NULL);
    struct generator *g = make(m, 2, 40);
    int32_t ids[40], out[40];
    struct error error;
    int32_t n;
    for (size_t i = 0; i < json_count(prompt); i++)
        ids[i] = (int32_t)json_number(json_at(prompt, i), -1);
    n = generate_ids(g,
                     &(struct generate_request){.prompt = ids,
                                                .n = (int32_t)json_count(prompt),
                                                .sampling = SAMPLING_GREEDY},
                     out, (int32_t)json_count(want), &error);
    assert_int_equal(n, json_count(want));
    for (int32_t i = 0; i < n; i++)
        assert_int_equal(out[i], (int32_t)json_number(json_at(want, (size_t)i), -1));
    generator_free(g);
    model_free(m);
    json_free(j);
    mem_free(dir);
}

static void test_golden_tokens(void **state)
{
    (void)state;
    if (missing(GOLDEN "/llama"))
        skip();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        check_golden(models[i], &backend_reference);
        check_golden(models[i], &backend_cpu);
    }
}

enum { VOCAB = 300, LONG = 150 };

/* A prompt of its own for each number. */
static int32_t make_prompt(int32_t *ids, int number, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        ids[i] = (int32_t)(rng_at(9, (uint64_t)number, (uint64_t)i) % VOCAB);
    return n;
}

/* Logits after the prompt and `steps` fixed tokens, alone in a fresh generator. */
static float *alone(struct model *m, const int32_t *ids, int32_t n, int32_t steps)
{
    const size_t vocab = (size_t)model_config(m)->vocab;
    float *out = mem_alloc(vocab * sizeof *out);
    struct generator *g = make(m, 1, LONG + 32);
    struct error error;
    const int slot = generator_open(g, ids, n, &error);
    assert_int_equal(slot, 0);
    for (int32_t i = 0; i <= steps; i++) {
        assert_int_equal(generator_forward(g, &error), 0);
        if (i < steps)
            assert_int_equal(generator_accept(g, slot, i + 3), 0);
    }
    memcpy(out, generator_logits(g, slot), vocab * sizeof *out);
    generator_free(g);
    return out;
}

/* Seven sequences of different lengths, opened at different times, beside each other. */
static void test_company_does_not_matter(void **state)
{
    struct pool *pool = pool_new(2);
    (void)state;
    if (missing(GOLDEN "/llama"))
        skip();
    for (size_t which = 0; which < 4; which++) {
        char *dir = file_join(GOLDEN, models[which]);
        struct model *m = load(dir, &backend_cpu, pool);
        const int32_t most = model_config(m)->position == POSITION_LEARNED ? 90 : LONG;
        struct generator *g =
            make(m, 7, model_config(m)->position == POSITION_LEARNED ? 128 : LONG + 32);
        int32_t prompts[7][LONG], lengths[7];
        struct error error;
        int slots[7];
        for (int i = 0; i < 7; i++) {
            lengths[i] = make_prompt(prompts[i], i, 1 + (most - 1) * i / 6);
            slots[i] = generator_open(g, prompts[i], lengths[i], &error);
            assert_true(slots[i] >= 0);
            assert_int_equal(generator_forward(g, &error), 0);
            for (int k = 0; k <= i; k++) /* the k-th has had i - k tokens so far */
                assert_int_equal(generator_accept(g, slots[k], i - k + 3), 0);
        }
        assert_int_equal(generator_open(g, prompts[0], 1, &error), -1);
        assert_int_equal(error.code, ERROR_BUSY);
        assert_int_equal(generator_forward(g, &error), 0);
        for (int i = 0; i < 7 && most == LONG; i++) {
            float *want = alone(m, prompts[i], lengths[i], 7 - i);
            assert_memory_equal(want, generator_logits(g, slots[i]),
                                (size_t)model_config(m)->vocab * sizeof *want);
            mem_free(want);
        }
        generator_free(g);
        model_free(m);
        mem_free(dir);
    }
    pool_free(pool);
}

static void test_prefix(void **state)
{
    struct model *m;
    struct generator *g;
    int32_t prompt[LONG], n;
    struct error error;
    float *want;
    int a, b, c;
    (void)state;
    if (missing(GOLDEN "/llama"))
        skip();
    m = load(GOLDEN "/qwen3", &backend_cpu, NULL);
    g = make(m, 3, LONG + 32);
    make_prompt(prompt, 1, LONG);
    a = generator_open(g, prompt, 100, &error);
    assert_int_equal(generator_forward(g, &error), 0);
    generator_accept(g, a, prompt[100]);
    assert_int_equal(generator_forward(g, &error), 0);
    b = generator_open(g, prompt, LONG, &error); /* a is still open: copied */
    assert_int_equal(generator_reused(g, b), 101);
    assert_int_equal(generator_forward(g, &error), 0);
    want = alone(m, prompt, LONG, 0);
    assert_memory_equal(want, generator_logits(g, b), VOCAB * sizeof *want);
    generator_close(g, b);
    c = generator_open(g, prompt, LONG, &error); /* b's own cache */
    assert_int_equal(c, b);
    assert_int_equal(generator_reused(g, c), LONG - 1);
    assert_int_equal(generator_forward(g, &error), 0);
    assert_memory_equal(want, generator_logits(g, c), VOCAB * sizeof *want);
    generator_tokens(g, c, &n);
    assert_int_equal(n, LONG);
    generator_close(g, a);
    generator_close(g, c);
    generator_forget(g);
    a = generator_open(g, prompt, 50, &error);
    assert_int_equal(generator_reused(g, a), 0);
    mem_free(want);
    generator_free(g);
    model_free(m);
}

static void test_refusals(void **state)
{
    struct model *m;
    struct generator *g;
    const int32_t bad[] = {1, 5000};
    struct error error;
    int32_t prompt[LONG];
    int slot;
    (void)state;
    if (missing(GOLDEN "/llama"))
        skip();
    m = load(GOLDEN "/gpt2", &backend_cpu, NULL);
    assert_null(generator_new(m, &(struct generator_options){1, 129}, &error));
    g = make(m, 1, 10);
    assert_int_equal(generator_open(g, bad, 2, &error), -1);
    assert_int_equal(error.code, ERROR_INPUT);
    assert_int_equal(generator_open(g, bad, 0, &error), -1);
    make_prompt(prompt, 2, 11);
    assert_int_equal(generator_open(g, prompt, 11, &error), -1);
    assert_int_equal(error.code, ERROR_LIMIT);
    slot = generator_open(g, prompt, 10, &error);
    assert_int_equal(generator_forward(g, &error), 0);
    assert_int_equal(generator_accept(g, slot, 3), 1);
    generator_free(g);
    model_free(m);
}

/* -- sampling ------------------------------------------------------------------------------- */

static int32_t pick(const struct sampling *s, const float *logits, int32_t n, uint64_t drawn)
{
    const int32_t seen[] = {0, 0, 2};
    return sampling_pick(s, logits, n, &(struct sampling_state){seen, 3, drawn});
}

static void test_sampling(void **state)
{
    const float logits[6] = {2.0f, 1.0f, 1.9f, -1.0f, 0.0f, 1.0f};
    struct sampling s = SAMPLING_GREEDY;
    int counts[6] = {0};
    double sum = 0;
    (void)state;
    assert_int_equal(pick(&s, logits, 6, 0), 0);
    s.repetition_penalty = 3; /* 0 and 2 were seen: 0.67, 0.63; of two equal ones the first */
    assert_int_equal(pick(&s, logits, 6, 0), 1);
    s = (struct sampling){.temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 3};
    for (uint64_t i = 0; i < 20000; i++)
        counts[pick(&s, logits, 6, i)]++;
    for (int i = 0; i < 6; i++)
        sum += exp((double)logits[i]);
    for (int i = 0; i < 6; i++)
        assert_true(fabs(counts[i] / 20000.0 - exp((double)logits[i]) / sum) < 0.015);
    assert_int_equal(pick(&s, logits, 6, 77), pick(&s, logits, 6, 77));
    memset(counts, 0, sizeof counts);
    s.top_k = 3; /* 0, 2 and the first of the equal 1 and 5 */
    for (uint64_t i = 0; i < 2000; i++)
        counts[pick(&s, logits, 6, i)]++;
    assert_true(counts[0] > 0 && counts[1] > 0 && counts[2] > 0);
    assert_int_equal(counts[3] + counts[4] + counts[5], 0);
    memset(counts, 0, sizeof counts);
    s.top_k = 0;
    s.top_p = 0.5; /* p: .37 .14 .34 .02 .05 .14 -> the first two reach it */
    for (uint64_t i = 0; i < 2000; i++)
        counts[pick(&s, logits, 6, i)]++;
    assert_true(counts[0] > 0 && counts[2] > 0);
    assert_int_equal(counts[0] + counts[2], 2000);
    memset(counts, 0, sizeof counts);
    s.top_p = 1;
    s.min_p = 0.3; /* of the best: exp(-1) = 0.37 stays, exp(-2) = 0.14 goes */
    for (uint64_t i = 0; i < 2000; i++)
        counts[pick(&s, logits, 6, i)]++;
    assert_true(counts[1] > 0 && counts[5] > 0);
    assert_int_equal(counts[3] + counts[4], 0);
    assert_true(fabs((double)sampling_logprob(logits, 6, 3) - (-1 - log(sum))) < 1e-6);
}

/* -- real weights --------------------------------------------------------------------------- */

static void test_tinystories(void **state)
{
    const int32_t ids[] = {1, 80, 147, 201, 282, 57}, starts[] = {0, 6}, row = 5;
    const struct batch b = {.ids = ids, .starts = starts, .tokens = 6, .segments = 1};
    struct error error;
    struct model *m;
    float *logits;
    (void)state;
    if (missing(TINYSTORIES))
        skip();
    m = load(TINYSTORIES, &backend_cpu, NULL);
    logits = mem_alloc((size_t)model_config(m)->vocab * sizeof *logits);
    assert_int_equal(model_logits(m, &b, &row, 1, logits, &error), 0);
    assert_true(fabs((double)logits[313] - 17.380812) < 1e-4);
    assert_true(fabs((double)logits[8] - 13.772634) < 1e-4);
    assert_true(fabs((double)logits[1773] - 13.743466) < 1e-4);
    mem_free(logits);
    model_free(m);
}

/* What llama2.c prints for this checkpoint at temperature 0 (its own test_all.py). */
static const char story[] =
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "
    "One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n"
    "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. She "
    "said, \"I want to play with your ball, but I can't find it.\"\n"
    "Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to "
    "do.\"\nLily didn't want to help her mom, so she";

static void test_stories(void **state)
{
    const int32_t prompt = 1;
    struct buf text = BUF;
    struct file_map tok;
    struct generator *g;
    struct error error;
    struct model *m;
    int32_t out[200], n;
    (void)state;
    if (missing(STORIES))
        skip();
    m = stories_load(STORIES "/stories260K.bin", &(struct model_options){.backend = NULL});
    assert_non_null(m);
    assert_int_equal(file_map(&tok, STORIES "/tok512.bin", &error), 0);
    g = make(m, 1, 256);
    n = generate_ids(
        g, &(struct generate_request){.prompt = &prompt, .n = 1, .sampling = SAMPLING_GREEDY}, out,
        200, &error);
    assert_int_equal(n, 200);
    for (int32_t i = 0; i < n; i++)
        stories_text(&tok, out[i], i == 0, &text);
    assert_string_equal(buf_text(&text), story);
    buf_free(&text);
    file_unmap(&tok);
    generator_free(g);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_tokens), cmocka_unit_test(test_company_does_not_matter),
        cmocka_unit_test(test_prefix),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_sampling),      cmocka_unit_test(test_tinystories),
        cmocka_unit_test(test_stories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
