#include "net/parts.h"

#include "core/json.h"

#include <stddef.h>

static bool is_one_of(struct slice type, const char *const *names)
{
    for (; *names; names++)
        if (slice_is(type, *names))
            return true;
    return false;
}

static void count(const struct json *content, struct parts *out)
{
    static const char *const texts[] = {"text",        "input_text",  "output_text",
                                        "refusal",     "thinking",    "redacted_thinking",
                                        "tool_use",    "tool_result", "search_result",
                                        "input_audio", NULL};
    static const char *const pictures[] = {"image_url", "image", "input_image", NULL};
    if (json_type(content) != JSON_ARRAY)
        return;
    for (const struct json *part = json_first(content); part; part = json_next(part)) {
        struct slice type = json_string(json_get(part, "type"));
        if (is_one_of(type, pictures))
            out->pictures++;
        else if (json_type(part) == JSON_OBJECT && !is_one_of(type, texts))
            out->others++;
        count(json_get(part, "content"), out);
    }
}

struct parts parts_count(struct slice messages)
{
    struct parts out = {0, 0};
    struct json *root = json_parse(messages, JSON_REPAIR, NULL);
    for (const struct json *m = json_first(root); m; m = json_next(m))
        count(json_get(m, "content"), &out);
    json_free(root);
    return out;
}
