/*
 * A reader of llama2.c's .bin checkpoints (karpathy/llama2.c, version 0): seven little-endian
 * int32 (dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len), then float weights
 * in a fixed order, whose q and k rows are interleaved pairs; ours are halves.
 */
#ifndef TESTS_MODEL_STORIES_H
#define TESTS_MODEL_STORIES_H

#include "core/file.h"
#include "core/mem.h"
#include "model/model.h"

#include <stdio.h>
#include <string.h>

struct stories {
    int32_t dim, ff, layers, heads, kv_heads, vocab, positions;
    const float *at; /* what comes next */
};

/* Put `rows` x `cols` floats from the file; heads > 0: turn interleaved pairs into halves. */
static inline int stories_put(struct model *m, struct stories *s, const char *name, int64_t rows,
                              int64_t cols, int64_t heads)
{
    const int64_t index = model_parameter_find(m, name), dim = heads > 0 ? rows / heads : rows;
    float *x = mem_alloc((size_t)(rows * cols) * sizeof *x);
    struct error error;
    int status;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t head = r / dim, i = r % dim;
        const int64_t to = heads > 0 ? head * dim + i % 2 * (dim / 2) + i / 2 : r;
        memcpy(x + to * cols, s->at + r * cols, (size_t)cols * sizeof *x);
    }
    status = index < 0 ? -1 : model_parameter_set(m, (size_t)index, x, &error);
    s->at += rows * cols;
    mem_free(x);
    return status;
}

static inline int stories_put_layers(struct model *m, struct stories *s, const char *format,
                                     int64_t rows, int64_t cols, int64_t heads)
{
    const char *hole = strstr(format, "%d");
    for (int32_t l = 0; l < s->layers; l++) {
        char name[96];
        snprintf(name, sizeof name, "%.*s%d%s", (int)(hole - format), format, (int)l, hole + 2);
        if (stories_put(m, s, name, rows, cols, heads) != 0)
            return -1;
    }
    return 0;
}

static inline int stories_fill(struct model *m, struct stories *s)
{
    const int64_t h = s->dim, kv = h / s->heads * s->kv_heads, ff = s->ff;
    return stories_put(m, s, "model.embed_tokens.weight", s->vocab, h, 0) ||
           stories_put_layers(m, s, "model.layers.%d.input_layernorm.weight", h, 1, 0) ||
           stories_put_layers(m, s, "model.layers.%d.self_attn.q_proj.weight", h, h, s->heads) ||
           stories_put_layers(m, s, "model.layers.%d.self_attn.k_proj.weight", kv, h,
                              s->kv_heads) ||
           stories_put_layers(m, s, "model.layers.%d.self_attn.v_proj.weight", kv, h, 0) ||
           stories_put_layers(m, s, "model.layers.%d.self_attn.o_proj.weight", h, h, 0) ||
           stories_put_layers(m, s, "model.layers.%d.post_attention_layernorm.weight", h, 1, 0) ||
           stories_put_layers(m, s, "model.layers.%d.mlp.gate_proj.weight", ff, h, 0) ||
           stories_put_layers(m, s, "model.layers.%d.mlp.down_proj.weight", h, ff, 0) ||
           stories_put_layers(m, s, "model.layers.%d.mlp.up_proj.weight", ff, h, 0) ||
           stories_put(m, s, "model.norm.weight", h, 1, 0);
}

/* NULL when the file is not such a checkpoint. */
static inline struct model *stories_load(const char *path, const struct model_options *options)
{
    struct buf text = BUF_MAX(1024);
    struct model_config c;
    struct model *m = NULL;
    struct file_map map;
    struct stories s;
    int32_t head[7];
    if (file_map(&map, path, NULL) != 0)
        return NULL;
    memcpy(head, map.data, sizeof head);
    s = (struct stories){head[0], head[1],
                         head[2], head[3],
                         head[4], head[5],
                         head[6], (const float *)(const void *)(map.data + sizeof head)};
    buf_printf(&text,
               "{\"model_type\":\"llama\",\"hidden_size\":%d,\"intermediate_size\":%d,"
               "\"num_hidden_layers\":%d,\"num_attention_heads\":%d,\"num_key_value_heads\":%d,"
               "\"vocab_size\":%d,\"max_position_embeddings\":%d,\"rms_norm_eps\":1e-5,"
               "\"tie_word_embeddings\":true,\"bos_token_id\":1,\"eos_token_id\":2}",
               (int)s.dim, (int)s.ff, (int)s.layers, (int)s.heads, (int)s.kv_heads, (int)s.vocab,
               (int)s.positions);
    if (config_parse(&c, buf_view(&text), path, NULL) == 0) {
        m = model_random(&c, options, NULL);
        config_clear(&c);
    }
    if (m != NULL && stories_fill(m, &s) != 0) {
        model_free(m);
        m = NULL;
    }
    buf_free(&text);
    file_unmap(&map);
    return m;
}

/* The pieces of llama2.c's tokenizer (.bin): int32 longest, then score, length, bytes of each.
 * Appends the text of an id, with <0xNN> as its byte and no blank after bos. */
static inline void stories_text(const struct file_map *tok, int32_t id, bool first, struct buf *out)
{
    const unsigned char *at = tok->data + 4;
    int32_t n = 0;
    for (int32_t i = 0; i <= id; i++) {
        memcpy(&n, at + 4, sizeof n);
        if (i < id)
            at += 8 + n;
    }
    at += 8;
    if (n == 6 && memcmp(at, "<0x", 3) == 0) {
        unsigned byte = 0;
        if (sscanf((const char *)at, "<0x%02X>", &byte) == 1)
            buf_char(out, (char)(unsigned char)byte);
    } else if (first && n > 0 && at[0] == ' ') {
        buf_add(out, at + 1, (size_t)n - 1);
    } else {
        buf_add(out, at, (size_t)n);
    }
}

#endif
