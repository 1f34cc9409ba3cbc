/*
 * A response_format's schema from outside, and a reply that is written under it: the first line is
 * the schema, the rest the bytes.  Whatever a grammar of plain JSON calls complete must be JSON.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "serve/grammar_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void follow(const struct grammar *g, struct slice bytes)
{
    struct grammar_state *s = grammar_state_new(g);
    size_t n = 0;
    while (n < bytes.len && grammar_follow(s, slice_sub(bytes, n, 1)))
        n++;
    if (grammar_complete(s)) {
        struct json *j = json_parse(slice_sub(bytes, 0, n), 0, NULL);
        if (n != 0 && j == NULL)
            abort();
        json_free(j);
    }
    grammar_state_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice all = slice_from(data, size);
    const size_t line = slice_find(all, SLICE("\n"));
    const struct slice bytes = slice_sub(all, line + 1, size);
    struct json *schema = json_parse(slice_sub(all, 0, line), 0, NULL);
    struct grammar *g = schema != NULL ? grammar_json_schema(schema, NULL) : grammar_json_object();
    if (g != NULL)
        follow(g, bytes);
    grammar_free(g);
    json_free(schema);
    return 0;
}
