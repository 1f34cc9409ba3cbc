/*
 * Generation needs no files here: small random models of every kind.  Through the cache a text has
 * the logits of one pass over it, with a sliding window too; weights kept as BF16, where the folder
 * has them so, give the same bits.
 */
#include "tests/model/pass.h"

#include "core/file.h"
#include "model/checkpoint.h"
#include "model/generate.h"

#include <stdlib.h>

enum { TEXT = 70, CAPACITY = 75 };

static const char *const kinds[] = {LLAMA, QWEN, MISTRAL, GPT2};

static void make_text(int32_t *ids, uint64_t number)
{
    for (int32_t i = 0; i < TEXT; i++)
        ids[i] = (int32_t)(rng_at(5, number, (uint64_t)i) % VOCAB);
}

/* The logits behind the last token of a text, in one pass. */
static void whole(struct model *m, const int32_t *ids, float *logits)
{
    const int32_t starts[] = {0, TEXT}, row = TEXT - 1;
    struct error error;
    const struct batch b = {.ids = ids, .starts = starts, .tokens = TEXT, .segments = 1};
    assert_int_equal(model_logits(m, &b, &row, 1, logits, &error), 0);
}

/* The same through the cache: a prompt, then the rest token by token. */
static void cached(struct model *m, const int32_t *ids, int32_t prompt, float *logits)
{
    struct error error;
    struct generator *g = generator_new(m, &(struct generator_options){3, CAPACITY}, &error);
    int32_t other[TEXT];
    int beside, slot;
    assert_non_null(g);
    make_text(other, 9);
    beside = generator_open(g, other, 40, &error);
    slot = generator_open(g, ids, prompt, &error);
    for (int32_t i = prompt; i <= TEXT; i++) {
        assert_int_equal(generator_forward(g, &error), 0);
        if (i < TEXT)
            assert_int_equal(generator_accept(g, slot, ids[i]), 0);
        if (i < TEXT && beside >= 0 && generator_accept(g, beside, 3) != 0) {
            generator_close(g, beside);
            beside = -1;
        }
    }
    memcpy(logits, generator_logits(g, slot), VOCAB * sizeof *logits);
    generator_free(g);
}

static void check_cache(const char *kind, const struct backend_ops *backend, struct pool *pool)
{
    static const int32_t prompts[] = {1, 17, 64, TEXT};
    float want[VOCAB], got[VOCAB], first[VOCAB];
    struct model *m =
        make(kind, &(struct model_options){.backend = backend, .pool = pool, .seed = 4});
    int32_t ids[TEXT];
    make_text(ids, 1);
    whole(m, ids, want);
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) {
        cached(m, ids, prompts[i], got);
        for (int k = 0; k < VOCAB; k++)
            assert_true(fabs((double)(want[k] - got[k])) < 1e-4);
        if (i == 0)
            memcpy(first, got, sizeof got);
        assert_memory_equal(first, got, sizeof got);
    }
    model_free(m);
}

static void test_cache_is_the_text(void **state)
{
    struct pool *pool = pool_new(3);
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        check_cache(kinds[i], &backend_cpu, pool);
        check_cache(kinds[i], &backend_reference, NULL);
    }
    pool_free(pool);
}

static struct model *reload(const char *dir, bool keep)
{
    struct error error;
    struct model *m =
        model_load(dir, &(struct model_options){.method = MODEL_FROZEN, .keep_bf16 = keep}, &error);
    if (m == NULL)
        fail_msg("%s", error.text);
    return m;
}

static void test_kept_bf16(void **state)
{
    char dir[] = "/tmp/retort-keep-XXXXXX";
    float want[VOCAB], got[VOCAB];
    int32_t ids[TEXT];
    struct error error;
    (void)state;
    make_text(ids, 2);
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < 2 * (sizeof kinds / sizeof *kinds); i++) {
        const enum dtype type = i % 2 == 0 ? DTYPE_BF16 : DTYPE_F32;
        struct model *m = make(kinds[i / 2], &(struct model_options){.seed = 6}), *kept;
        assert_int_equal(checkpoint_write(m, dir, &(struct checkpoint_options){.type = type},
                                          &error),
                         0);
        model_free(m);
        m = reload(dir, false);
        kept = reload(dir, true);
        if (type == DTYPE_BF16)
            assert_true((double)model_weight_bytes(kept) < 0.55 * (double)model_weight_bytes(m));
        else
            assert_int_equal(model_weight_bytes(kept), model_weight_bytes(m));
        cached(m, ids, 20, want);
        cached(kept, ids, 20, got);
        assert_memory_equal(want, got, sizeof got);
        whole(m, ids, want);
        whole(kept, ids, got);
        assert_memory_equal(want, got, sizeof got);
        model_free(m);
        model_free(kept);
    }
    assert_int_equal(file_remove_tree(dir, &error), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache_is_the_text),
        cmocka_unit_test(test_kept_bf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
