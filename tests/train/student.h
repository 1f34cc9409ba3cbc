/* A tiny random student and made-up examples: what the trainer's tests work on. */
#ifndef TESTS_TRAIN_STUDENT_H
#define TESTS_TRAIN_STUDENT_H

#include "core/mem.h"
#include "core/rng.h"
#include "core/vec.h"
#include "train/learner.h"

#include <string.h>

static const char student_config_text[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"hidden_size\":48,"
    "\"intermediate_size\":96,\"num_hidden_layers\":2,\"num_attention_heads\":4,"
    "\"num_key_value_heads\":2,\"vocab_size\":97,\"max_position_embeddings\":256,"
    "\"rms_norm_eps\":1e-6,\"rope_theta\":10000.0,\"tie_word_embeddings\":true,"
    "\"hidden_act\":\"silu\",\"bos_token_id\":1,\"eos_token_id\":2,\"torch_dtype\":\"float32\"}";

/* Settings as a recipe without words would give them, on the cpu backend. */
static inline struct train_settings student_settings(struct pool *pool)
{
    struct train_settings s;
    memset(&s, 0, sizeof s);
    s.model = (struct model_options){.pool = pool, .method = MODEL_FULL, .seed = 5};
    s.pack = (struct pack_limits){512, 0, 256};
    s.schedule = (struct schedule){schedule_find("constant", NULL), 3e-3, 0, 0.2, 0, 1000};
    s.beta1 = 0.9;
    s.beta2 = 0.999;
    s.epsilon = 1e-8;
    s.clip = 1;
    s.seed = 5;
    s.max_length = 200;
    return s;
}

/* n examples of 4..longest tokens; the last half of each is supervised. */
static inline struct examples student_examples(size_t n, uint32_t longest)
{
    struct examples e;
    struct rng r = rng_new(11, 1);
    memset(&e, 0, sizeof e);
    for (size_t i = 0; i < n; i++) {
        uint32_t length = 4 + rng_below(&r, longest - 3);
        struct example x = {.first = e.n_tokens, .length = length, .sample = (int64_t)i + 1};
        e.items = vec_reserve(e.items, &e.cap, e.n + 1, sizeof *e.items);
        e.ids = vec_reserve(e.ids, &e.cap_ids, e.n_tokens + length, sizeof *e.ids);
        e.mask = vec_reserve(e.mask, &e.cap_mask, e.n_tokens + length, sizeof *e.mask);
        for (uint32_t k = 0; k < length; k++) {
            e.ids[e.n_tokens + k] = (int32_t)(k == 0 ? 1 : 3 + rng_below(&r, 94));
            e.mask[e.n_tokens + k] = k >= length / 2 && k != 0;
            x.supervised += e.mask[e.n_tokens + k];
        }
        e.n_tokens += length;
        e.items[e.n++] = x;
    }
    return e;
}

static inline void student_free(struct examples *e)
{
    mem_free(e->items);
    mem_free(e->ids);
    mem_free(e->mask);
}

static inline struct model *student_model(const struct train_settings *s)
{
    struct model_config c;
    struct error error = {ERROR_NONE, ""};
    struct model *m = NULL;
    if (config_parse(&c, SLICE(student_config_text), "student", &error) == 0) {
        m = model_random(&c, &s->model, &error);
        config_clear(&c);
    }
    if (m == NULL)
        fail_msg("%s", error.text);
    return m;
}

/* The values of the model's learning block, host floats (mem_free). */
static inline float *student_block(struct model *m, struct tensor t)
{
    struct backend *b = model_backend(m);
    float *host = mem_alloc((size_t)t.cols * sizeof *host);
    b->ops->download(b, t, host, DTYPE_F32);
    (void)b->ops->sync(b, NULL);
    return host;
}

#endif
