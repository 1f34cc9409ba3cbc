/* BERT, RoBERTa and DistilBERT: encoders with the norm behind each part, learned positions, GELU,
 * and a head that classifies sequences, tokens, or the ends of a span. */
#include "model/config_field.h"
#include "model/naming.h"

#include <string.h>

const struct tensor_naming naming_bert = {
    .prefix = "bert.",
    .embed = "bert.embeddings.word_embeddings",
    .positions = "bert.embeddings.position_embeddings",
    .types = "bert.embeddings.token_type_embeddings",
    .embed_norm = "bert.embeddings.LayerNorm",
    .q = "bert.encoder.layer.%d.attention.self.query",
    .k = "bert.encoder.layer.%d.attention.self.key",
    .v = "bert.encoder.layer.%d.attention.self.value",
    .out = "bert.encoder.layer.%d.attention.output.dense",
    .norm1 = "bert.encoder.layer.%d.attention.output.LayerNorm",
    .up = "bert.encoder.layer.%d.intermediate.dense",
    .down = "bert.encoder.layer.%d.output.dense",
    .norm2 = "bert.encoder.layer.%d.output.LayerNorm",
    .pooler = "bert.pooler.dense",
    .classifier = "classifier",
};

const struct tensor_naming naming_roberta = {
    .prefix = "roberta.",
    .embed = "roberta.embeddings.word_embeddings",
    .positions = "roberta.embeddings.position_embeddings",
    .types = "roberta.embeddings.token_type_embeddings",
    .embed_norm = "roberta.embeddings.LayerNorm",
    .q = "roberta.encoder.layer.%d.attention.self.query",
    .k = "roberta.encoder.layer.%d.attention.self.key",
    .v = "roberta.encoder.layer.%d.attention.self.value",
    .out = "roberta.encoder.layer.%d.attention.output.dense",
    .norm1 = "roberta.encoder.layer.%d.attention.output.LayerNorm",
    .up = "roberta.encoder.layer.%d.intermediate.dense",
    .down = "roberta.encoder.layer.%d.output.dense",
    .norm2 = "roberta.encoder.layer.%d.output.LayerNorm",
    .pooler = "classifier.dense",
    .classifier = "classifier.out_proj",
};

const struct tensor_naming naming_distilbert = {
    .prefix = "distilbert.",
    .embed = "distilbert.embeddings.word_embeddings",
    .positions = "distilbert.embeddings.position_embeddings",
    .embed_norm = "distilbert.embeddings.LayerNorm",
    .q = "distilbert.transformer.layer.%d.attention.q_lin",
    .k = "distilbert.transformer.layer.%d.attention.k_lin",
    .v = "distilbert.transformer.layer.%d.attention.v_lin",
    .out = "distilbert.transformer.layer.%d.attention.out_lin",
    .norm1 = "distilbert.transformer.layer.%d.sa_layer_norm",
    .up = "distilbert.transformer.layer.%d.ffn.lin1",
    .down = "distilbert.transformer.layer.%d.ffn.lin2",
    .norm2 = "distilbert.transformer.layer.%d.output_layer_norm",
    .pooler = "pre_classifier",
    .classifier = "classifier",
};

/* The head that the folder has; one without any (a pretrained body) gets what the task wants. */
static void read_head(struct model_config *c, const struct json *j)
{
    const char *class = json_text(json_at(json_get(j, "architectures"), 0), "");
    const struct json *labels = json_get(j, "id2label");
    int64_t n = 0;
    c->head = strstr(class, "ForTokenClassification") != NULL      ? HEAD_TOKEN
              : strstr(class, "ForQuestionAnswering") != NULL      ? HEAD_SPAN
              : strstr(class, "ForSequenceClassification") != NULL ? HEAD_SEQUENCE
                                                                   : HEAD_NONE;
    c->classes = json_type(labels) == JSON_OBJECT ? (int32_t)json_count(labels) : 2;
    if (json_integer(json_get(j, "num_labels"), &n) == 0 && n > 0 && n < 1 << 20)
        c->classes = (int32_t)n;
    if (c->classes < 1 || c->head == HEAD_SPAN)
        c->classes = 2;
}

/* What the three agree in. */
static int finish(struct model_config *c, const struct json *j, const char *act,
                  struct error *error)
{
    if (strcmp(act, "gelu") == 0)
        c->gelu = GELU_ERF;
    else if (strcmp(act, "gelu_new") == 0 || strcmp(act, "gelu_pytorch_tanh") == 0)
        c->gelu = GELU_TANH;
    else
        return error_set(error, ERROR_INPUT,
                         "activation \"%s\" is not supported; there are gelu, gelu_new and "
                         "gelu_pytorch_tanh",
                         act);
    if (c->hidden % c->heads != 0)
        return error_set(error, ERROR_INPUT, "hidden size %d is not a multiple of %d heads",
                         (int)c->hidden, (int)c->heads);
    c->kv_heads = c->heads;
    c->head_dim = c->hidden / c->heads;
    c->norm = NORM_LAYER;
    c->mlp = MLP_GELU;
    c->position = POSITION_LEARNED;
    c->qkv_bias = c->out_bias = c->mlp_bias = true;
    c->encoder = c->tied = true; /* tied: there is no matrix back to the vocabulary */
    read_head(c, j);
    return 0;
}

static int read_bert(struct model_config *c, const struct json *j, struct error *error)
{
    const char *kind = json_text(json_get(j, "position_embedding_type"), "absolute");
    const int32_t big = 1 << 20;
    if (strcmp(kind, "absolute") != 0)
        return error_set(error, ERROR_INPUT, "position_embedding_type \"%s\" is not supported",
                         kind);
    if (config_field_int(j, "hidden_size", (struct int_field){768, 1, big}, &c->hidden, error) !=
            0 ||
        config_field_int(j, "num_hidden_layers", (struct int_field){12, 1, 4096}, &c->layers,
                         error) != 0 ||
        config_field_int(j, "num_attention_heads", (struct int_field){12, 1, 65536}, &c->heads,
                         error) != 0 ||
        config_field_int(j, "intermediate_size", (struct int_field){3072, 1, big}, &c->ff, error) !=
            0 ||
        config_field_int(j, "max_position_embeddings", (struct int_field){512, 1, big},
                         &c->positions, error) != 0 ||
        config_field_int(j, "type_vocab_size", (struct int_field){2, 1, 1024}, &c->types, error) !=
            0 ||
        config_field_positive(j, "layer_norm_eps", 1e-12, &c->norm_epsilon, error) != 0 ||
        config_field_must(j, "is_decoder", false, error) != 0 ||
        config_field_must(j, "add_cross_attention", false, error) != 0)
        return -1;
    c->pool = ACTIVATION_TANH;
    return finish(c, j, json_text(json_get(j, "hidden_act"), "gelu"), error);
}

/* Positions begin behind the padding id. */
static int read_roberta(struct model_config *c, const struct json *j, struct error *error)
{
    int32_t pad = 1;
    if (read_bert(c, j, error) != 0 ||
        config_field_int(j, "pad_token_id", (struct int_field){1, 0, c->vocab - 1}, &pad, error) !=
            0)
        return -1;
    c->first_position = pad + 1;
    if (c->positions <= c->first_position)
        return error_set(error, ERROR_INPUT, "max_position_embeddings %d leaves no position",
                         (int)c->positions);
    return 0;
}

static int read_distilbert(struct model_config *c, const struct json *j, struct error *error)
{
    const int32_t big = 1 << 20;
    if (config_field_int(j, "dim", (struct int_field){768, 1, big}, &c->hidden, error) != 0 ||
        config_field_int(j, "n_layers", (struct int_field){6, 1, 4096}, &c->layers, error) != 0 ||
        config_field_int(j, "n_heads", (struct int_field){12, 1, 65536}, &c->heads, error) != 0 ||
        config_field_int(j, "hidden_dim", (struct int_field){3072, 1, big}, &c->ff, error) != 0 ||
        config_field_int(j, "max_position_embeddings", (struct int_field){512, 1, big},
                         &c->positions, error) != 0)
        return -1;
    c->norm_epsilon = 1e-12;
    c->pool = ACTIVATION_RELU;
    return finish(c, j, json_text(json_get(j, "activation"), "gelu"), error);
}

const struct architecture arch_bert = {"bert", "Bert", NULL, &naming_bert, read_bert};
const struct architecture arch_roberta = {"roberta", "Roberta", NULL, &naming_roberta,
                                          read_roberta};
const struct architecture arch_distilbert = {"distilbert", "DistilBert", NULL, &naming_distilbert,
                                             read_distilbert};
