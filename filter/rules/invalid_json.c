/*
 * JSON was asked for, the reply is meant as JSON (it, or a fenced block of it, opens with { or [),
 * and no strict parser takes it.  JSON lines count as JSON.
 */
#include "core/json.h"
#include "filter/fence.h"
#include "filter/rules.h"
#include "filter/text.h"

#include <string.h>

TEXT_LIST(wants_json, "json");

/* Requests about JSON whose answer need not be JSON. */
TEXT_LIST(other_wish, "json to", "from json", "parse", "json5", "jsonc", "fix", "explain",
          "what is json", "invalid json", "解析", "什么是json");

static bool opens_json(struct slice s)
{
    s = text_skip_space(s);
    return s.len > 0 && (s.data[0] == '{' || s.data[0] == '[');
}

static bool lines_valid(struct slice s)
{
    struct slice line;
    size_t at = 0, n = 0;
    while (text_line(s, &at, &line)) {
        line = slice_trim(line);
        if (line.len == 0)
            continue;
        struct json *j = json_parse(line, 0, NULL);
        if (j == NULL)
            return false;
        json_free(j);
        n++;
    }
    return n > 1;
}

static bool check(const struct row *row, struct slice text, struct finding *out)
{
    struct error error = {ERROR_NONE, ""};
    struct json *j = json_parse(text, 0, &error);
    const size_t from = (size_t)(text.data - row->output.data);
    if (j != NULL || lines_valid(text)) {
        json_free(j);
        return false;
    }
    finding_span(out, "output", from, from + text.len);
    finding_why(out, "JSON was asked for, and this is none: %.120s", error.text);
    return true;
}

static bool judge(const void *state, const struct row *row, struct finding *out)
{
    struct fence f;
    size_t at = 0;
    (void)state;
    if (row->reply.len == 0 || (memchr(row->reply.data, '{', row->reply.len) == NULL &&
                                memchr(row->reply.data, '[', row->reply.len) == NULL))
        return false;
    if (!text_has_any(row->request, &wants_json) || text_has_any(row->request, &other_wish))
        return false;
    if (opens_json(row->reply))
        return check(row, row->reply, out);
    while (fence_next(row->output, &at, &f))
        if (opens_json(f.content) && (f.info.len == 0 || text_starts(f.info, "json")) &&
            check(row, f.content, out))
            return true;
    return false;
}

const struct filter_rule rule_invalid_json = {
    .name = "invalid_json",
    .version = 1,
    .usual = true,
    .action = VERDICT_REMOVE,
    .summary = "the reply is not the JSON that was asked for",
    .judge = judge,
};
