/*
 * The rotary part of config.json.  Version 4 writes rope_theta and rope_scaling {type or
 * rope_type, factor, ...}; version 5 nests all of it in rope_parameters.  Where both stand they
 * must agree in theta.
 */
#include "model/config_field.h"

#include <math.h>
#include <string.h>

static int read_llama3(struct rope_config *r, const struct json *j, struct error *error)
{
    if (config_field_positive(j, "low_freq_factor", 0, &r->low_freq, error) != 0 ||
        config_field_positive(j, "high_freq_factor", 0, &r->high_freq, error) != 0 ||
        config_field_int(j, "original_max_position_embeddings", (struct int_field){0, 1, 1 << 28},
                         &r->original_positions, error) != 0)
        return -1;
    if (!(r->high_freq > r->low_freq && r->low_freq > 0))
        return error_set(error, ERROR_INPUT,
                         "high_freq_factor must be above low_freq_factor, and both above 0");
    return 0;
}

static int read_yarn(struct rope_config *r, const struct json *j, struct error *error)
{
    double mscale = 0, mscale_all = 0;
    if (config_field_int(j, "original_max_position_embeddings",
                         (struct int_field){r->original_positions, 1, 1 << 28},
                         &r->original_positions, error) != 0 ||
        config_field_positive(j, "beta_fast", 32, &r->beta_fast, error) != 0 ||
        config_field_positive(j, "beta_slow", 1, &r->beta_slow, error) != 0 ||
        config_field_positive(j, "mscale", 0, &mscale, error) != 0 ||
        config_field_positive(j, "mscale_all_dim", 0, &mscale_all, error) != 0 ||
        config_field_positive(j, "attention_factor", 0, &r->attention_factor, error) != 0 ||
        config_field_must(j, "truncate", true, error) != 0)
        return -1;
    if (mscale != 0 || mscale_all != 0)
        return error_set(error, ERROR_INPUT, "mscale: this variant of yarn is not supported");
    if (r->attention_factor == 0)
        r->attention_factor = r->factor > 1 ? 0.1 * log(r->factor) + 1 : 1;
    return 0;
}

static int read_scaling(struct rope_config *r, const struct json *j, struct error *error)
{
    const char *type = json_text(json_get(j, "rope_type"), json_text(json_get(j, "type"), NULL));
    if (type == NULL)
        return error_set(error, ERROR_INPUT, "rope_type is missing");
    if (strcmp(type, "default") == 0)
        return 0;
    if (config_field_positive(j, "factor", 0, &r->factor, error) != 0)
        return -1;
    if (r->factor < 1)
        return error_set(error, ERROR_INPUT, "factor: rope type %s wants one of at least 1", type);
    if (strcmp(type, "linear") == 0) {
        r->kind = ROPE_LINEAR;
        return 0;
    }
    if (strcmp(type, "llama3") == 0) {
        r->kind = ROPE_LLAMA3;
        return read_llama3(r, j, error);
    }
    if (strcmp(type, "yarn") == 0) {
        r->kind = ROPE_YARN;
        return read_yarn(r, j, error);
    }
    return error_set(error, ERROR_INPUT,
                     "rope_type \"%s\" is not supported; there are default, linear, llama3, yarn",
                     type);
}

static bool is_object(const struct json *j)
{
    return json_type(j) == JSON_OBJECT;
}

/* Files of version 5 may repeat in rope_scaling what rope_parameters say, but no more. */
static int check_twice(const struct rope_config *r, const struct json *j, struct error *error)
{
    struct rope_config other = *r;
    other.kind = ROPE_DEFAULT;
    other.factor = other.attention_factor = 1;
    if (read_scaling(&other, j, error) != 0)
        return error_wrap(error, "rope_scaling");
    if (other.kind != r->kind || other.factor != r->factor || other.low_freq != r->low_freq ||
        other.high_freq != r->high_freq || other.original_positions != r->original_positions ||
        other.attention_factor != r->attention_factor)
        return error_set(error, ERROR_INPUT,
                         "rope_scaling and rope_parameters contradict each other (which of them is "
                         "the model's?  take the other out)");
    return 0;
}

int config_rope_read(struct model_config *c, const struct json *j, struct error *error)
{
    const struct json *nested = json_get(j, "rope_parameters");
    const struct json *scaling = is_object(nested) ? nested : json_get(j, "rope_scaling");
    struct rope_config *r = &c->rope;
    double nested_theta = 0;
    *r = (struct rope_config){.kind = ROPE_DEFAULT,
                              .theta = 10000,
                              .factor = 1,
                              .attention_factor = 1,
                              .original_positions = c->positions};
    if (config_field_positive(j, "rope_theta", 10000, &r->theta, error) != 0)
        return -1;
    if (is_object(nested)) {
        if (config_field_positive(nested, "rope_theta", r->theta, &nested_theta, error) != 0)
            return error_wrap(error, "rope_parameters");
        if (json_type(json_get(j, "rope_theta")) == JSON_NUMBER && nested_theta != r->theta)
            return error_set(error, ERROR_INPUT, "rope_theta is %g, but rope_parameters says %g",
                             r->theta, nested_theta);
        r->theta = nested_theta;
    }
    if (json_number(json_get(j, "partial_rotary_factor"), 1) != 1 ||
        json_number(json_get(nested, "partial_rotary_factor"), 1) != 1)
        return error_set(error, ERROR_INPUT, "partial_rotary_factor: only 1 is supported");
    if (!is_object(scaling))
        return 0;
    if (read_scaling(r, scaling, error) != 0)
        return error_wrap(error, scaling == nested ? "rope_parameters" : "rope_scaling");
    if (scaling == nested && is_object(json_get(j, "rope_scaling")))
        return check_twice(r, json_get(j, "rope_scaling"), error);
    return 0;
}
