/* Llama, Mistral, Qwen2 and Qwen3: pre-norm RMS, rotary positions, SwiGLU, grouped queries. */
#include "model/config_field.h"
#include "model/naming.h"

#include <string.h>

const struct tensor_naming naming_llama = {
    .prefix = "model.",
    .embed = "model.embed_tokens",
    .final_norm = "model.norm",
    .head = "lm_head",
    .norm1 = "model.layers.%d.input_layernorm",
    .norm2 = "model.layers.%d.post_attention_layernorm",
    .q_norm = "model.layers.%d.self_attn.q_norm",
    .k_norm = "model.layers.%d.self_attn.k_norm",
    .q = "model.layers.%d.self_attn.q_proj",
    .k = "model.layers.%d.self_attn.k_proj",
    .v = "model.layers.%d.self_attn.v_proj",
    .out = "model.layers.%d.self_attn.o_proj",
    .gate = "model.layers.%d.mlp.gate_proj",
    .up = "model.layers.%d.mlp.up_proj",
    .down = "model.layers.%d.mlp.down_proj",
};

static int read_common(struct model_config *c, const struct json *j, struct error *error)
{
    const char *act = json_text(json_get(j, "hidden_act"), "silu");
    const int32_t big = 1 << 20;
    if (strcmp(act, "silu") != 0)
        return error_set(error, ERROR_INPUT, "hidden_act \"%s\" is not supported; only silu is",
                         act);
    if (config_field_int(j, "hidden_size", (struct int_field){0, 1, big}, &c->hidden, error) != 0 ||
        config_field_int(j, "num_hidden_layers", (struct int_field){0, 1, 4096}, &c->layers,
                         error) != 0 ||
        config_field_int(j, "num_attention_heads", (struct int_field){0, 1, 65536}, &c->heads,
                         error) != 0 ||
        config_field_int(j, "num_key_value_heads", (struct int_field){c->heads, 1, 65536},
                         &c->kv_heads, error) != 0 ||
        config_field_int(j, "head_dim", (struct int_field){c->hidden / c->heads, 1, 4096},
                         &c->head_dim, error) != 0 ||
        config_field_int(j, "intermediate_size", (struct int_field){0, 1, big}, &c->ff, error) !=
            0 ||
        config_field_int(j, "max_position_embeddings", (struct int_field){2048, 1, 1 << 28},
                         &c->positions, error) != 0 ||
        config_field_positive(j, "rms_norm_eps", 1e-6, &c->norm_epsilon, error) != 0 ||
        config_field_bool(j, "tie_word_embeddings", false, &c->tied, error) != 0 ||
        config_rope_read(c, j, error) != 0)
        return -1;
    if (json_type(json_get(j, "head_dim")) != JSON_NUMBER && c->hidden % c->heads != 0)
        return error_set(error, ERROR_INPUT,
                         "hidden_size %d is not a multiple of num_attention_heads %d",
                         (int)c->hidden, (int)c->heads);
    c->norm = NORM_RMS;
    c->mlp = MLP_SWIGLU;
    c->position = POSITION_ROPE;
    return 0;
}

static int read_llama(struct model_config *c, const struct json *j, struct error *error)
{
    if (read_common(c, j, error) != 0 ||
        config_field_bool(j, "attention_bias", false, &c->qkv_bias, error) != 0 ||
        config_field_bool(j, "mlp_bias", false, &c->mlp_bias, error) != 0)
        return -1;
    c->out_bias = c->qkv_bias;
    return 0;
}

static int read_mistral(struct model_config *c, const struct json *j, struct error *error)
{
    /* transformers' own default where the field is absent; null switches it off. */
    const int32_t window = json_type(json_get(j, "sliding_window")) == JSON_ABSENT ? 4096 : 0;
    if (read_common(c, j, error) != 0)
        return -1;
    return config_field_int(j, "sliding_window", (struct int_field){window, 0, 1 << 28}, &c->window,
                            error);
}

/* Every layer of one type, or none stated.  The window applies when all of them slide. */
static int read_layer_types(struct model_config *c, const struct json *j, int32_t window,
                            struct error *error)
{
    const struct json *types = json_get(j, "layer_types");
    size_t sliding = 0, n = json_count(types);
    for (const struct json *t = json_first(types); t != NULL; t = json_next(t)) {
        const char *type = json_text(t, "");
        if (strcmp(type, "sliding_attention") == 0)
            sliding++;
        else if (strcmp(type, "full_attention") != 0)
            return error_set(error, ERROR_INPUT,
                             "layer_types: \"%s\" is not supported; there are full_attention and "
                             "sliding_attention",
                             type);
    }
    if (n != 0 && n != (size_t)c->layers)
        return error_set(error, ERROR_INPUT, "layer_types has %zu entries for %d layers", n,
                         (int)c->layers);
    if (sliding != 0 && sliding != n)
        return error_set(error, ERROR_INPUT,
                         "layer_types mixes full and sliding attention; only "
                         "one kind for all layers is supported");
    if (sliding != 0 && window == 0)
        return error_set(error, ERROR_INPUT,
                         "layer_types has sliding_attention, but use_sliding_window and "
                         "sliding_window say that nothing slides");
    c->window = sliding != 0 ? window : 0;
    return 0;
}

static int read_qwen(struct model_config *c, const struct json *j, struct error *error)
{
    bool sliding = false;
    int32_t window = 0, full_layers = 0;
    if (read_common(c, j, error) != 0 ||
        config_field_bool(j, "use_sliding_window", false, &sliding, error) != 0 ||
        config_field_int(j, "sliding_window", (struct int_field){0, 0, 1 << 28}, &window, error) !=
            0 ||
        config_field_int(j, "max_window_layers", (struct int_field){c->layers, 0, 1 << 20},
                         &full_layers, error) != 0)
        return -1;
    if (json_count(json_get(j, "layer_types")) != 0)
        return read_layer_types(c, j, sliding ? window : 0, error);
    if (sliding && full_layers > 0 && full_layers < c->layers)
        return error_set(error, ERROR_INPUT,
                         "max_window_layers %d of %d: full and sliding layers mixed are not "
                         "supported",
                         (int)full_layers, (int)c->layers);
    c->window = sliding && full_layers == 0 ? window : 0;
    return 0;
}

static int read_qwen2(struct model_config *c, const struct json *j, struct error *error)
{
    if (read_qwen(c, j, error) != 0)
        return -1;
    c->qkv_bias = true;
    return 0;
}

static int read_qwen3(struct model_config *c, const struct json *j, struct error *error)
{
    int32_t dim = 0;
    if (read_qwen(c, j, error) != 0 ||
        config_field_bool(j, "attention_bias", false, &c->qkv_bias, error) != 0 ||
        config_field_int(j, "head_dim", (struct int_field){128, 1, 4096}, &dim, error) != 0)
        return -1;
    c->head_dim = dim;
    c->out_bias = c->qkv_bias;
    c->qk_norm = true;
    return 0;
}

const struct architecture arch_llama = {"llama", "LlamaForCausalLM", "llama", &naming_llama,
                                        read_llama};
const struct architecture arch_mistral = {"mistral", "MistralForCausalLM", "llama", &naming_llama,
                                          read_mistral};
const struct architecture arch_qwen2 = {"qwen2", "Qwen2ForCausalLM", "qwen2", &naming_llama,
                                        read_qwen2};
const struct architecture arch_qwen3 = {"qwen3", "Qwen3ForCausalLM", "qwen3", &naming_llama,
                                        read_qwen3};
