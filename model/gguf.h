/*
 * GGUF v3, the model file of llama.cpp: weights as F32, F16, BF16 or Q8_0, the shape, the
 * tokenizer, the chat template and the stop token.  Vectors stay F32, and so do matrices whose
 * rows are no multiple of 32 where Q8_0 is asked for (as F16).
 *
 * Llama's q and k rows are reordered for llama.cpp's interleaved rotation, as its own converter
 * does; the factors of llama3 scaling go into rope_freqs.weight.
 */
#ifndef MODEL_GGUF_H
#define MODEL_GGUF_H

#include "core/error.h"
#include "core/slice.h"
#include "model/model.h"
#include "model/tokenizer.h"

enum gguf_type { GGUF_F32 = 0, GGUF_F16 = 1, GGUF_Q8_0 = 8, GGUF_BF16 = 30 };

struct gguf_options {
    enum gguf_type type;
    const char *name;                  /* general.name; NULL: the model type */
    const struct tokenizer *tokenizer; /* NULL: none goes along */
    struct slice chat_template;        /* Jinja, or the absent slice */
    int32_t stop;                      /* eos token; -1: the config's first */
};

/* The model must have no adapter (model_merge first).  The file is replaced atomically. */
int gguf_write(struct model *m, const char *path, const struct gguf_options *options,
               struct error *error);
/* Give the model the weights of a file that gguf_write made of it with the same options: for
 * checking what was written. */
int gguf_reload(struct model *m, const char *path, const struct gguf_options *options,
                struct error *error);
/* The type called "f32", "f16", "bf16" or "q8_0"; -1 with an error that lists them. */
int gguf_type_named(const char *name, enum gguf_type *out, struct error *error);

/* Key-values: appended to out, counted in *n. */
struct gguf_meta {
    struct buf out;
    uint64_t n;
};
void gguf_meta_add(struct gguf_meta *meta, struct model *m, const struct gguf_options *options);
void gguf_put_u32(struct buf *b, uint32_t x);
void gguf_put_u64(struct buf *b, uint64_t x);
void gguf_put_string(struct buf *b, struct slice s);

#endif
