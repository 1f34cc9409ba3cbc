#include "model/peft.h"

#include "model/config_field.h"
#include "model/naming.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned bits;
} modules[] = {
    {"q_proj", LORA_Q},
    {"k_proj", LORA_K},
    {"v_proj", LORA_V},
    {"o_proj", LORA_O},
    {"gate_proj", LORA_GATE},
    {"up_proj", LORA_UP},
    {"down_proj", LORA_DOWN},
    {"c_attn", LORA_Q | LORA_K | LORA_V},
    {"c_fc", LORA_UP},
    {"c_proj", LORA_O | LORA_DOWN},
    {NULL, 0},
};

static bool in_naming(const struct tensor_naming *n, const char *module)
{
    const char *const names[] = {n->q, n->k, n->v, n->qkv, n->out, n->gate, n->up, n->down};
    const size_t length = strlen(module);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i] != NULL && strlen(names[i]) > length &&
            strcmp(names[i] + strlen(names[i]) - length, module) == 0)
            return true;
    return false;
}

struct json *peft_config(const struct model_config *c, const struct lora_config *l,
                         const char *base)
{
    const struct tensor_naming *naming = c->arch->naming;
    struct json *j = json_new_object(), *targets = json_new_array();
    json_put_text(j, "peft_type", "LORA");
    json_put_text(j, "task_type", "CAUSAL_LM");
    json_put_text(j, "base_model_name_or_path", base);
    json_put_integer(j, "r", l->rank);
    json_put_number(j, "lora_alpha", l->alpha);
    json_put_number(j, "lora_dropout", l->dropout);
    json_put_bool(j, "use_rslora", l->rslora);
    json_put_bool(j, "use_dora", false);
    json_put_text(j, "bias", "none");
    json_put_bool(j, "fan_in_fan_out", naming->transposed);
    json_put_bool(j, "inference_mode", true);
    json_put_bool(j, "init_lora_weights", true);
    json_put(j, "modules_to_save", json_new_null());
    json_put(j, "rank_pattern", json_new_object());
    json_put(j, "alpha_pattern", json_new_object());
    for (size_t i = 0; modules[i].name != NULL; i++)
        if ((modules[i].bits & l->targets) != 0 && in_naming(naming, modules[i].name))
            json_push(targets, json_new_string(slice_of(modules[i].name)));
    json_put(j, "target_modules", targets);
    return j;
}

static int read_targets(const struct json *j, struct lora_config *out, struct error *error)
{
    const struct json *list = json_get(j, "target_modules");
    out->targets = 0;
    if (strcmp(json_text(list, ""), "all-linear") == 0) {
        out->targets = LORA_ALL;
        return 0;
    }
    if (json_type(list) != JSON_ARRAY)
        return error_set(error, ERROR_INPUT, "target_modules: expected a list of module names");
    for (const struct json *t = json_first(list); t != NULL; t = json_next(t)) {
        const char *name = json_text(t, "");
        size_t i = 0;
        while (modules[i].name != NULL && strcmp(modules[i].name, name) != 0)
            i++;
        if (modules[i].name == NULL)
            return error_set(error, ERROR_INPUT, "target_modules: \"%s\" is not supported", name);
        out->targets |= modules[i].bits;
    }
    if (out->targets == 0)
        return error_set(error, ERROR_INPUT, "target_modules is empty");
    return 0;
}

static int must_be_empty(const struct json *j, const char *key, struct error *error)
{
    const struct json *node = json_get(j, key);
    if (json_type(node) == JSON_ABSENT || json_type(node) == JSON_NULL)
        return 0;
    if ((json_type(node) == JSON_OBJECT || json_type(node) == JSON_ARRAY) && json_count(node) == 0)
        return 0;
    return error_set(error, ERROR_INPUT, "%s is set; this variant is not supported", key);
}

int peft_read_config(const struct json *j, struct lora_config *out, struct error *error)
{
    static const char *const empty[] = {
        "rank_pattern",        "alpha_pattern",     "modules_to_save",
        "layers_to_transform", "exclude_modules",   "trainable_token_indices",
        "target_parameters",   "layer_replication", NULL};
    const char *type = json_text(json_get(j, "peft_type"), "");
    const char *bias = json_text(json_get(j, "bias"), "none");
    memset(out, 0, sizeof *out);
    if (strcmp(type, "LORA") != 0)
        return error_set(error, ERROR_INPUT, "peft_type \"%s\" is not supported; LORA is", type);
    if (strcmp(bias, "none") != 0)
        return error_set(error, ERROR_INPUT, "bias \"%s\" is not supported; only none is", bias);
    for (size_t i = 0; empty[i] != NULL; i++)
        if (must_be_empty(j, empty[i], error) != 0)
            return -1;
    if (config_field_must(j, "use_dora", false, error) != 0 ||
        config_field_must(j, "lora_bias", false, error) != 0 ||
        config_field_must(j, "use_qalora", false, error) != 0 ||
        config_field_bool(j, "use_rslora", false, &out->rslora, error) != 0 ||
        config_field_int(j, "r", (struct int_field){0, 1, 1024}, &out->rank, error) != 0 ||
        config_field_positive(j, "lora_alpha", out->rank, &out->alpha, error) != 0)
        return -1;
    out->dropout = json_number(json_get(j, "lora_dropout"), 0);
    if (!(out->dropout >= 0 && out->dropout < 1))
        return error_set(error, ERROR_INPUT, "lora_dropout %g is not in [0, 1)", out->dropout);
    return read_targets(j, out, error);
}
