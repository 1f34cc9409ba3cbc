/* A schema and an instance, a line each: compiling, checking and filling must end and agree. */
#include "core/schema.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(void *context, const struct schema_violation *v)
{
    int *n = context;
    if (v->node == NULL || v->path == NULL || v->text == NULL)
        abort();
    ++*n;
}

static void check(const struct schema *s, struct json *instance)
{
    int reported = 0, counted = schema_check(s, instance, report, &reported);
    if ((counted == 0) != (schema_check(s, instance, NULL, NULL) == 0))
        abort();
    if (counted == 0 && reported != 0)
        abort();
    schema_fill(s, instance);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_from(data, size);
    size_t end = slice_find(text, SLICE("\n"));
    struct json *root = json_parse(slice_sub(text, 0, end), 0, NULL);
    struct json *instance = json_parse(slice_sub(text, end, size), 0, NULL);
    struct error error;
    if (root != NULL && instance != NULL) {
        struct schema *s = schema_compile(root, &error);
        if (s != NULL)
            check(s, instance);
        schema_free(s);
    }
    json_free(root);
    json_free(instance);
    return 0;
}
