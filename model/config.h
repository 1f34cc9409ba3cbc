/*
 * What a model is: the shape and the variants of its layers, read from Hugging Face's config.json
 * (version 4 with torch_dtype, rope_theta, rope_scaling and version 5 with dtype and
 * rope_parameters) and written back.  An unknown model_type, an unknown value of a field that
 * changes the arithmetic, or fields that contradict each other are refused by name.
 */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "model/backend.h"

enum mlp_kind { MLP_SWIGLU, MLP_GELU };
enum position_kind { POSITION_ROPE, POSITION_LEARNED };
/* What an encoder says: nothing yet, a class for a sequence (its first token), a class for each
 * token, or for each token whether an answer begins and ends there. */
enum head_kind { HEAD_NONE, HEAD_SEQUENCE, HEAD_TOKEN, HEAD_SPAN };
enum rope_kind { ROPE_DEFAULT, ROPE_LINEAR, ROPE_LLAMA3, ROPE_YARN };

struct rope_config {
    enum rope_kind kind;
    double theta;
    double factor;               /* linear, llama3, yarn */
    double low_freq, high_freq;  /* llama3 */
    double beta_fast, beta_slow; /* yarn */
    double attention_factor;     /* yarn: cos and sin are multiplied by it; 1 elsewhere */
    int32_t original_positions;  /* llama3, yarn */
};

enum { CONFIG_MAX_EOS = 8 };

struct architecture;

struct model_config {
    const struct architecture *arch;
    int32_t vocab, hidden, layers, heads, kv_heads, head_dim, ff, positions;
    enum norm_kind norm;
    enum mlp_kind mlp;
    enum gelu_kind gelu;
    enum position_kind position;
    struct rope_config rope;
    double norm_epsilon, init_range;
    bool tied, qkv_bias, out_bias, mlp_bias, qk_norm;
    /* Encoders: attention both ways, the norm behind each part, a head of few classes. */
    bool encoder;
    enum head_kind head;
    enum activation_kind pool;
    int32_t types, classes, first_position;
    bool int8;                                    /* stored as I8 with scales (model/int8.h) */
    int32_t window;                               /* sliding attention, 0 none */
    int32_t bos, pad, eos[CONFIG_MAX_EOS], n_eos; /* -1: none */
    struct json *source;                          /* config.json as read; owned */
};

/* One family of models: how its config.json reads and how its tensors are called. */
struct architecture {
    const char *model_type; /* "llama" */
    const char *class_name; /* "LlamaForCausalLM"; of encoders without what the head adds: "Bert" */
    const char *gguf;       /* general.architecture of GGUF: "llama", "qwen2"; NULL: no export */
    const struct tensor_naming *naming;
    /* Fill what differs between families; the common fields are read already. */
    int (*read)(struct model_config *c, const struct json *j, struct error *error);
};

extern const struct architecture *const architectures[]; /* NULL-ended */

/* Parse config.json of a folder, or of a text named `where` in errors.  config_clear frees. */
int config_read(struct model_config *c, const char *dir, struct error *error);
int config_parse(struct model_config *c, struct slice text, const char *where, struct error *error);
void config_clear(struct model_config *c);
struct model_config config_copy(const struct model_config *c);
/* config.json as it is written with a model whose weights are of type `type`: what was read, with
 * dtype, eos and the like brought up to date; loads in transformers 4 and 5. */
int config_write(const struct model_config *c, enum dtype type, struct buf *out);
/* Columns of the logits: the vocabulary, or an encoder's classes. */
int32_t config_classes(const struct model_config *c);
/* Give an encoder a head of the kind and these classes (id2label); names NULL: as they are. */
void config_set_head(struct model_config *c, enum head_kind head, const char *const *names,
                     int32_t n);
/* The name of a class, borrowed; "LABEL_i" where config.json has none. */
void config_class_name(const struct model_config *c, int32_t i, struct buf *out);
/* Parameters of the model (tied ones once). */
int64_t config_parameters(const struct model_config *c);

#endif
