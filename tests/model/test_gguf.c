/*
 * What a GGUF file says of special tokens: llama.cpp renders the template with the texts of the
 * file's ids, makes one up where there is none, and must come to what the folder's template says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "model/gguf.h"
#include "model/tokenizer_train.h"

#include <string.h>

enum { VOCAB = 300 };

static const char shape[] = "{\"model_type\":\"llama\",\"hidden_size\":16,\"num_hidden_layers\":1,"
                            "\"num_attention_heads\":2,"
                            "\"intermediate_size\":8,\"vocab_size\":300,\"eos_token_id\":null}";

static struct model *model(void)
{
    const struct model_options o = {.method = MODEL_FROZEN, .seed = 1};
    struct model_config c;
    struct error error;
    struct model *m;
    if (config_parse(&c, slice_of(shape), "test", &error) != 0)
        fail_msg("%s", error.text);
    m = model_random(&c, &o, &error);
    config_clear(&c);
    assert_non_null(m);
    return m;
}

static struct tokenizer *tokenizer(const char *bos, const char *eos)
{
    static const char *const specials[] = {"<s>", "<it's\\>", "<|end|>", NULL};
    const struct tokenizer_train_options options = {.vocab_size = VOCAB,
                                                    .specials = specials,
                                                    .bos = bos,
                                                    .eos = eos};
    struct error error;
    struct tokenizer_trainer *r = tokenizer_trainer_new(&options, &error);
    struct tokenizer *t;
    assert_non_null(r);
    assert_int_equal(tokenizer_trainer_add(r, SLICE("a word and a word"), &error), 0);
    t = tokenizer_trainer_finish(r, &error);
    assert_non_null(t);
    tokenizer_trainer_free(r);
    return t;
}

/* The template that the file has, for a folder whose template is `source` and whose replies end
 * with token `stop`. */
static void has(const char *bos, const char *eos, int32_t stop, const char *source,
                const char *wanted)
{
    static const char key[] = "tokenizer.chat_template\x08\0\0\0"; /* a string */
    struct tokenizer *t = tokenizer(bos, eos);
    struct model *m = model();
    const struct gguf_options o = {.tokenizer = t, .chat_template = slice_of(source), .stop = stop};
    struct gguf_meta meta = {.out = BUF};
    struct buf text = BUF;
    struct slice all;
    size_t at;
    gguf_meta_add(&meta, m, &o);
    gguf_put_string(&text, slice_of(wanted));
    all = buf_view(&meta.out);
    at = slice_find(all, slice_from(key, sizeof key - 1));
    assert_true(at < all.len);
    all = slice_sub(all, at + sizeof key - 1, text.len);
    if (!slice_equal(all, buf_view(&text)))
        fail_msg("not %s but %.*s", wanted, (int)all.len - 8, all.data + 8);
    buf_free(&text);
    buf_free(&meta.out);
    model_free(m);
    tokenizer_free(t);
}

static void test_specials(void **state)
{
    (void)state;
    has("<s>", "<|end|>", 2, "{{ bos_token }}x", "{{ bos_token }}x");
    has(NULL, "<|end|>", 2, "{{ bos_token }}x", "{%- set bos_token = '' %}{{ bos_token }}x");
    has("<s>", NULL, 2, "x{{ eos_token }}", "{%- set eos_token = '' %}x{{ eos_token }}");
    has("<s>", "<it's\\>", 2, "x", "{%- set eos_token = '<it\\'s\\\\>' %}x");
    has(NULL, NULL, -1, "x", "{%- set bos_token = '' %}{%- set eos_token = '' %}x");
    /* The line end behind a block is no part of the text. */
    has(NULL, "<|end|>", 2, "\nx", "{%- set bos_token = '' %}\n\nx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_specials)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
