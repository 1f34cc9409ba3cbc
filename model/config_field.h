/*
 * Fields of config.json with bounds, for config.c and the architectures.  Each returns 0, or -1
 * with an error that names the field, what it may be and what stood there.  An absent or null
 * field takes the fallback.
 */
#ifndef MODEL_CONFIG_FIELD_H
#define MODEL_CONFIG_FIELD_H

#include "core/error.h"
#include "core/json.h"
#include "model/config.h"

/* An integer in [min, max]; a fallback below min makes the field required. */
struct int_field {
    int32_t fallback, min, max;
};
int config_field_int(const struct json *j, const char *key, struct int_field f, int32_t *out,
                     struct error *error);
/* Finite and > 0, or 0 where zero is allowed by a fallback of 0. */
int config_field_positive(const struct json *j, const char *key, double fallback, double *out,
                          struct error *error);
int config_field_bool(const struct json *j, const char *key, bool fallback, bool *out,
                      struct error *error);
/* The field must be absent, null or this value; else the model computes something we do not. */
int config_field_must(const struct json *j, const char *key, bool value, struct error *error);
int config_field_absent(const struct json *j, const char *key, struct error *error);
/* rope_theta, rope_scaling (version 4) and rope_parameters (version 5). */
int config_rope_read(struct model_config *c, const struct json *j, struct error *error);

#endif
