/* GPT-2: LayerNorm with bias, learned positions, GELU, one matrix for q, k and v, weights stored
 * [in, out] (Conv1D). */
#include "model/config_field.h"
#include "model/naming.h"

#include <string.h>

const struct tensor_naming naming_gpt2 = {
    .prefix = "transformer.",
    .embed = "transformer.wte",
    .positions = "transformer.wpe",
    .final_norm = "transformer.ln_f",
    .head = "lm_head",
    .norm1 = "transformer.h.%d.ln_1",
    .norm2 = "transformer.h.%d.ln_2",
    .qkv = "transformer.h.%d.attn.c_attn",
    .out = "transformer.h.%d.attn.c_proj",
    .up = "transformer.h.%d.mlp.c_fc",
    .down = "transformer.h.%d.mlp.c_proj",
    .transposed = true,
};

static int read_gpt2(struct model_config *c, const struct json *j, struct error *error)
{
    const char *act = json_text(json_get(j, "activation_function"), "gelu_new");
    const int32_t big = 1 << 20;
    if (config_field_int(j, "n_embd", (struct int_field){768, 1, big}, &c->hidden, error) != 0 ||
        config_field_int(j, "n_layer", (struct int_field){12, 1, 4096}, &c->layers, error) != 0 ||
        config_field_int(j, "n_head", (struct int_field){12, 1, 65536}, &c->heads, error) != 0 ||
        config_field_int(j, "n_inner", (struct int_field){4 * c->hidden, 1, 4 * big}, &c->ff,
                         error) != 0 ||
        config_field_int(j, "n_positions", (struct int_field){1024, 1, 1 << 28}, &c->positions,
                         error) != 0 ||
        config_field_positive(j, "layer_norm_epsilon", 1e-5, &c->norm_epsilon, error) != 0 ||
        config_field_bool(j, "tie_word_embeddings", true, &c->tied, error) != 0 ||
        config_field_must(j, "scale_attn_weights", true, error) != 0 ||
        config_field_must(j, "scale_attn_by_inverse_layer_idx", false, error) != 0 ||
        config_field_must(j, "add_cross_attention", false, error) != 0)
        return -1;
    if (strcmp(act, "gelu_new") == 0 || strcmp(act, "gelu_pytorch_tanh") == 0)
        c->gelu = GELU_TANH;
    else if (strcmp(act, "gelu") == 0)
        c->gelu = GELU_ERF;
    else
        return error_set(error, ERROR_INPUT,
                         "activation_function \"%s\" is not supported; there are gelu_new, "
                         "gelu_pytorch_tanh and gelu",
                         act);
    if (c->hidden % c->heads != 0)
        return error_set(error, ERROR_INPUT, "n_embd %d is not a multiple of n_head %d",
                         (int)c->hidden, (int)c->heads);
    c->kv_heads = c->heads;
    c->head_dim = c->hidden / c->heads;
    c->norm = NORM_LAYER;
    c->mlp = MLP_GELU;
    c->position = POSITION_LEARNED;
    c->qkv_bias = c->out_bias = c->mlp_bias = true;
    return 0;
}

const struct architecture arch_gpt2 = {"gpt2", "GPT2LMHeadModel", "gpt2", &naming_gpt2, read_gpt2};
