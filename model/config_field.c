#include "model/config_field.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool absent(const struct json *node)
{
    return json_type(node) == JSON_ABSENT || json_type(node) == JSON_NULL;
}

/* "got ..." with the value as JSON, cut. */
static int wrong(const struct json *node, const char *key, const char *expected,
                 struct error *error)
{
    struct buf got = BUF_MAX(80);
    json_write(node, 0, &got);
    error_set(error, ERROR_INPUT, "%s: expected %s, got %s", key, expected,
              got.len != 0 ? buf_text(&got) : json_type_name(json_type(node)));
    buf_free(&got);
    return -1;
}

int config_field_int(const struct json *j, const char *key, struct int_field f, int32_t *out,
                     struct error *error)
{
    const struct json *node = json_get(j, key);
    char expected[64];
    int64_t x = 0;
    if (absent(node)) {
        *out = f.fallback;
        if (f.fallback < f.min)
            return error_set(error, ERROR_INPUT, "%s is missing", key);
        return 0;
    }
    if (json_integer(node, &x) != 0 || x < f.min || x > f.max) {
        (void)snprintf(expected, sizeof expected, "an integer from %d to %d", (int)f.min,
                       (int)f.max);
        return wrong(node, key, expected, error);
    }
    *out = (int32_t)x;
    return 0;
}

int config_field_positive(const struct json *j, const char *key, double fallback, double *out,
                          struct error *error)
{
    const struct json *node = json_get(j, key);
    if (absent(node)) {
        *out = fallback;
        return 0;
    }
    *out = json_number(node, (double)NAN);
    if (!(isfinite(*out) && *out > 0))
        return wrong(node, key, "a number above 0", error);
    return 0;
}

int config_field_bool(const struct json *j, const char *key, bool fallback, bool *out,
                      struct error *error)
{
    const struct json *node = json_get(j, key);
    *out = fallback;
    if (absent(node))
        return 0;
    if (json_type(node) != JSON_TRUE && json_type(node) != JSON_FALSE)
        return wrong(node, key, "true or false", error);
    *out = json_true(node);
    return 0;
}

int config_field_must(const struct json *j, const char *key, bool value, struct error *error)
{
    const struct json *node = json_get(j, key);
    bool x = value;
    if (config_field_bool(j, key, value, &x, error) != 0)
        return -1;
    if (x != value)
        return wrong(node, key,
                     value ? "true (no other is supported)" : "false (no other is supported)",
                     error);
    return 0;
}

int config_field_absent(const struct json *j, const char *key, struct error *error)
{
    const struct json *node = json_get(j, key);
    if (!absent(node))
        return wrong(node, key, "nothing (this variant is not supported)", error);
    return 0;
}
