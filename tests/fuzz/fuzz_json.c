/* Whatever is read can be written, and reads back as the same value. */
#include "core/json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_back(const struct json *node, unsigned flags)
{
    struct buf out = BUF;
    struct json *back;
    if (json_write(node, flags, &out) != 0)
        abort();
    back = json_parse(buf_view(&out), 0, NULL);
    if (back == NULL || !json_equal(node, back))
        abort();
    json_free(back);
    buf_free(&out);
}

static void check_in_arena(const struct json *node, struct slice text, unsigned flags)
{
    struct arena arena = ARENA;
    const struct json *same = json_parse_in(&arena, text, flags, NULL);
    if (same == NULL || !json_equal(node, same))
        abort();
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_from(data, size);
    for (unsigned flags = 0; flags < 4; flags++) {
        struct error error;
        struct json_map *map = NULL;
        struct json *node = json_parse_mapped(text, flags, &map, &error);
        if (node == NULL)
            continue;
        check_in_arena(node, text, flags);
        check_back(node, 0);
        check_back(node, JSON_CANONICAL);
        check_back(node, JSON_ASCII | JSON_PRETTY);
        json_map_free(map);
        json_free(node);
    }
    return 0;
}
