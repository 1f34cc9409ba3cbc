#include "model/config.h"

#include "core/file.h"
#include "core/mem.h"
#include "model/config_field.h"
#include "model/naming.h"

#include <stdio.h>
#include <string.h>

extern const struct architecture arch_llama, arch_mistral, arch_qwen2, arch_qwen3, arch_gpt2,
    arch_bert, arch_roberta, arch_distilbert;

const struct architecture *const architectures[] = {&arch_llama,   &arch_mistral,    &arch_qwen2,
                                                    &arch_qwen3,   &arch_gpt2,       &arch_bert,
                                                    &arch_roberta, &arch_distilbert, NULL};

enum { MAX_CONFIG = 4 << 20 };

/* Fields that change the arithmetic of a known family into one we do not compute. */
static const char *const refused[] = {
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "embedding_multiplier",
    "logits_scaling",
    "residual_multiplier",
    "attention_multiplier",
    "num_local_experts",
    "num_experts",
    NULL,
};

static const struct architecture *find_architecture(const struct json *j, struct error *error)
{
    const char *type = json_text(json_get(j, "model_type"), NULL);
    struct buf names = BUF_MAX(256);
    if (type == NULL) {
        error_set(error, ERROR_INPUT, "model_type is missing");
        return NULL;
    }
    for (size_t i = 0; architectures[i] != NULL; i++) {
        if (strcmp(architectures[i]->model_type, type) == 0) {
            buf_free(&names);
            return architectures[i];
        }
        buf_printf(&names, "%s%s", i == 0 ? "" : ", ", architectures[i]->model_type);
    }
    error_set(error, ERROR_INPUT, "model_type \"%s\" is not supported; there are %s", type,
              buf_text(&names));
    buf_free(&names);
    return NULL;
}

/* eos_token_id: a number, a list, or null. */
static int read_eos(struct model_config *c, const struct json *j, struct error *error)
{
    const struct json *eos = json_get(j, "eos_token_id");
    c->n_eos = 0;
    if (json_type(eos) != JSON_ARRAY) {
        int32_t one = -1;
        if (config_field_int(j, "eos_token_id", (struct int_field){-1, -1, c->vocab - 1}, &one,
                             error) != 0)
            return -1;
        if (one >= 0)
            c->eos[c->n_eos++] = one;
        return 0;
    }
    for (const struct json *e = json_first(eos); e != NULL; e = json_next(e)) {
        int64_t id = 0;
        if (json_integer(e, &id) != 0 || id < 0 || id >= c->vocab || c->n_eos == CONFIG_MAX_EOS)
            return error_set(error, ERROR_INPUT,
                             "eos_token_id: expected at most %d ids below vocab_size %d",
                             CONFIG_MAX_EOS, (int)c->vocab);
        c->eos[c->n_eos++] = (int32_t)id;
    }
    return 0;
}

/* Special ids: some checkpoints have a pad id of -1 or one past the vocabulary; such an id is
 * as good as none. */
static int32_t read_id(const struct model_config *c, const struct json *j, const char *key)
{
    int64_t id = -1;
    if (json_integer(json_get(j, key), &id) != 0 || id < 0 || id >= c->vocab)
        return -1;
    return (int32_t)id;
}

static int check_shape(const struct model_config *c, struct error *error)
{
    if (c->heads % c->kv_heads != 0)
        return error_set(error, ERROR_INPUT,
                         "num_attention_heads %d is not a multiple of num_key_value_heads %d",
                         (int)c->heads, (int)c->kv_heads);
    if (c->position == POSITION_ROPE && c->head_dim % 2 != 0)
        return error_set(error, ERROR_INPUT, "head_dim %d: rotary positions want an even one",
                         (int)c->head_dim);
    if (config_parameters(c) > (int64_t)1 << 40)
        return error_set(error, ERROR_INPUT, "the shape means %.3g parameters, which is absurd",
                         (double)config_parameters(c));
    return 0;
}

/* Weights of 8 bits: the "int-quantized" format of compressed-tensors (W8A8), which is
 * what model/int8.h computes; or none. */
static int read_quantisation(struct model_config *c, const struct json *j, struct error *error)
{
    const struct json *q = json_get(j, "quantization_config"), *group, *weights;
    int64_t bits = 0;
    if (json_type(q) == JSON_ABSENT || json_type(q) == JSON_NULL)
        return 0;
    group = json_first(json_get(q, "config_groups"));
    weights = json_get(group, "weights");
    if (strcmp(json_text(json_get(q, "quant_method"), ""), "compressed-tensors") != 0 ||
        strcmp(json_text(json_get(q, "format"), ""), "int-quantized") != 0 || group == NULL ||
        json_next(group) != NULL || json_integer(json_get(weights, "num_bits"), &bits) != 0 ||
        bits != 8 || strcmp(json_text(json_get(weights, "type"), ""), "int") != 0 ||
        strcmp(json_text(json_get(weights, "strategy"), ""), "channel") != 0 ||
        json_type(json_get(weights, "symmetric")) != JSON_TRUE)
        return error_set(error, ERROR_INPUT,
                         "quantization_config: only compressed-tensors' int-quantized, 8 bits, "
                         "symmetric, one scale a channel, is read (export-model --int8 writes it)");
    c->int8 = true;
    return 0;
}

static int read_tree(struct model_config *c, const struct json *j, struct error *error)
{
    if (json_type(j) != JSON_OBJECT)
        return error_set(error, ERROR_INPUT, "expected an object");
    c->arch = find_architecture(j, error);
    if (c->arch == NULL)
        return -1;
    for (size_t i = 0; refused[i] != NULL; i++)
        if (config_field_absent(j, refused[i], error) != 0)
            return -1;
    if (config_field_int(j, "vocab_size", (struct int_field){0, 1, 1 << 24}, &c->vocab, error) !=
            0 ||
        config_field_positive(j, "initializer_range", 0.02, &c->init_range, error) != 0 ||
        read_quantisation(c, j, error) != 0 || c->arch->read(c, j, error) != 0 ||
        read_eos(c, j, error) != 0 || check_shape(c, error) != 0)
        return -1;
    c->bos = read_id(c, j, "bos_token_id");
    c->pad = read_id(c, j, "pad_token_id");
    return 0;
}

int config_parse(struct model_config *c, struct slice text, const char *where, struct error *error)
{
    struct json *j = json_parse(text, 0, error);
    memset(c, 0, sizeof *c);
    if (j == NULL)
        return error_wrap(error, "%s", where);
    if (read_tree(c, j, error) != 0) {
        json_free(j);
        return error_wrap(error, "%s", where);
    }
    c->source = j;
    return 0;
}

int config_read(struct model_config *c, const char *dir, struct error *error)
{
    struct buf text = BUF_MAX(MAX_CONFIG);
    char *path = file_join(dir, "config.json");
    int status = file_read(path, &text, error);
    memset(c, 0, sizeof *c);
    if (status == 0)
        status = config_parse(c, buf_view(&text), path, error);
    buf_free(&text);
    mem_free(path);
    return status;
}

void config_clear(struct model_config *c)
{
    json_free(c->source);
    memset(c, 0, sizeof *c);
}

struct model_config config_copy(const struct model_config *c)
{
    struct model_config copy = *c;
    if (c->source != NULL)
        copy.source = json_copy(c->source);
    return copy;
}

int32_t config_classes(const struct model_config *c)
{
    return c->encoder ? c->classes : c->vocab;
}

void config_set_head(struct model_config *c, enum head_kind head, const char *const *names,
                     int32_t n)
{
    struct json *to = json_new_object(), *from = json_new_object();
    c->head = head;
    c->classes = head == HEAD_SPAN ? 2 : n;
    for (int32_t i = 0; names != NULL && i < n; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", (int)i);
        json_put_text(to, key, names[i]);
        json_put_integer(from, names[i], i);
    }
    if (names == NULL) {
        json_free(to);
        json_free(from);
        return;
    }
    json_put(c->source, "id2label", to);
    json_put(c->source, "label2id", from);
    json_remove(c->source, "num_labels");
}

void config_class_name(const struct model_config *c, int32_t i, struct buf *out)
{
    const struct json *name;
    char key[16];
    (void)snprintf(key, sizeof key, "%d", (int)i);
    name = json_get(json_get(c->source, "id2label"), key);
    if (json_type(name) == JSON_STRING)
        buf_slice(out, json_string(name));
    else
        buf_printf(out, "LABEL_%d", (int)i);
}

/* Pooler and classifier. */
static int64_t head_parameters(const struct model_config *c)
{
    const int64_t h = c->hidden;
    int64_t n = c->head == HEAD_NONE ? 0 : (h + 1) * c->classes;
    return n + (c->head == HEAD_SEQUENCE ? h * (h + 1) : 0);
}

int64_t config_parameters(const struct model_config *c)
{
    const int64_t h = c->hidden, q = (int64_t)c->heads * c->head_dim;
    const int64_t kv = (int64_t)c->kv_heads * c->head_dim, ff = c->ff;
    const int64_t norm = c->norm == NORM_LAYER ? 2 * h : h;
    const int64_t mlp = c->mlp == MLP_SWIGLU ? 3 * h * ff : 2 * h * ff;
    int64_t layer = 2 * norm + h * (q + 2 * kv) + q * h + mlp, total;
    layer += (c->qkv_bias ? q + 2 * kv : 0) + (c->out_bias ? h : 0);
    layer += c->mlp_bias ? (c->mlp == MLP_SWIGLU ? 2 * ff : ff) + h : 0;
    layer += c->qk_norm ? 2 * (int64_t)c->head_dim : 0;
    if (c->encoder)
        return c->layers * layer + norm + head_parameters(c) +
               h * ((int64_t)c->vocab + c->positions + c->types);
    total = c->layers * layer + norm + (c->tied ? 1 : 2) * (int64_t)c->vocab * h;
    return total + (c->position == POSITION_LEARNED ? (int64_t)c->positions * h : 0);
}

/* Both spellings of the rotary fields: version 4 reads rope_theta and rope_scaling, version 5
 * rope_parameters. */
static void write_rope(const struct model_config *c, struct json *j)
{
    const struct json *nested = json_get(j, "rope_parameters");
    struct json *all;
    if (c->position != POSITION_ROPE)
        return;
    if (json_type(nested) == JSON_OBJECT) {
        struct json *scaling = json_copy(nested);
        json_remove(scaling, "rope_theta");
        json_put(j, "rope_scaling", c->rope.kind == ROPE_DEFAULT ? json_new_null() : scaling);
        if (c->rope.kind == ROPE_DEFAULT)
            json_free(scaling);
    } else {
        const struct json *scaling = json_get(j, "rope_scaling");
        all = json_type(scaling) == JSON_OBJECT ? json_copy(scaling) : json_new_object();
        json_put_number(all, "rope_theta", c->rope.theta);
        if (json_get(all, "rope_type") == NULL)
            json_put_text(all, "rope_type", json_text(json_get(all, "type"), "default"));
        json_put(j, "rope_parameters", all);
    }
    json_put_number(j, "rope_theta", c->rope.theta);
}

static void write_eos(const struct model_config *c, struct json *j)
{
    if (c->n_eos == 0) {
        json_put(j, "eos_token_id", json_new_null());
    } else if (c->n_eos == 1) {
        json_put_integer(j, "eos_token_id", c->eos[0]);
    } else {
        struct json *list = json_new_array();
        for (int32_t i = 0; i < c->n_eos; i++)
            json_push(list, json_new_integer(c->eos[i]));
        json_put(j, "eos_token_id", list);
    }
}

static struct json *as_numbers(const char *strategy, bool dynamic)
{
    struct json *j = json_new_object();
    json_put_integer(j, "num_bits", 8);
    json_put_text(j, "type", "int");
    json_put_bool(j, "symmetric", true);
    json_put_text(j, "strategy", strategy);
    json_put_bool(j, "dynamic", dynamic);
    return j;
}

/* What compressed-tensors and vLLM read: linear layers of the blocks in 8 bits, activations
 * rounded a token at a time. */
static void write_quantisation(const struct model_config *c, struct json *j)
{
    const char *const heads[] = {"lm_head", c->arch->naming->pooler, c->arch->naming->classifier,
                                 "classifier", "qa_outputs"};
    struct json *q = json_new_object(), *groups = json_new_object(), *group = json_new_object();
    struct json *targets = json_new_array(), *ignore = json_new_array();
    json_push(targets, json_new_string(slice_of("Linear")));
    for (size_t i = 0; i < (c->encoder ? sizeof heads / sizeof *heads : 1); i++)
        json_push(ignore, json_new_string(slice_of(heads[i])));
    json_put(group, "targets", targets);
    json_put(group, "weights", as_numbers("channel", false));
    json_put(group, "input_activations", as_numbers("token", true));
    json_put(groups, "group_0", group);
    json_put_text(q, "quant_method", "compressed-tensors");
    json_put_text(q, "format", "int-quantized");
    json_put_text(q, "quantization_status", "compressed");
    json_put(q, "config_groups", groups);
    json_put(q, "ignore", ignore);
    json_put(j, "quantization_config", q);
}

static void write_class(const struct model_config *c, struct json *classes)
{
    static const char *const heads[] = {"Model", "ForSequenceClassification",
                                        "ForTokenClassification", "ForQuestionAnswering"};
    char name[96];
    (void)snprintf(name, sizeof name, "%s%s", c->arch->class_name,
                   c->encoder ? heads[c->head] : "");
    json_push(classes, json_new_string(slice_of(name)));
}

int config_write(const struct model_config *c, enum dtype type, struct buf *out)
{
    const char *name = type == DTYPE_F32 ? "float32" : type == DTYPE_F16 ? "float16" : "bfloat16";
    struct json *j = json_copy(c->source);
    struct json *classes = json_new_array();
    int status;
    write_class(c, classes);
    json_put(j, "architectures", classes);
    json_put_text(j, "dtype", name);
    json_put_text(j, "torch_dtype", name);
    if (!c->encoder)
        json_put_bool(j, "tie_word_embeddings", c->tied);
    json_put_integer(j, "vocab_size", c->vocab);
    json_remove(j, "_name_or_path");
    json_remove(j, "quantization_config");
    if (type == DTYPE_I8)
        write_quantisation(c, j);
    write_rope(c, j);
    write_eos(c, j);
    status = json_write(j, JSON_PRETTY, out);
    json_free(j);
    return status;
}
