#include "serve/messages.h"

#include <stdio.h>

/* Where a fault is: messages[3].content. */
struct place {
    char param[64];
    struct api_problem *problem;
};

static int fault(const struct place *p, const char *what)
{
    return api_problem_field(p->problem, p->param, what);
}

/* One part's text behind those before it. */
static int add_part(const struct json *part, bool first, struct buf *text, const struct place *p)
{
    const struct slice type = json_string(json_get(part, "type"));
    const struct slice words = json_string(json_get(part, "text"));
    if (json_type(part) != JSON_OBJECT || type.data == NULL)
        return fault(p, "expected a text, or parts with a type");
    if (!slice_is(type, "text") || words.data == NULL)
        return fault(p, "only parts of type \"text\" are supported; this model reads text");
    if (!first)
        buf_char(text, '\n');
    buf_slice(text, words);
    return 0;
}

static int join_parts(struct json *message, const struct json *parts, const struct place *p)
{
    struct buf text = BUF;
    const struct json *first = json_first(parts);
    int rc = first != NULL ? 0 : fault(p, "expected a text, or at least one part");
    for (const struct json *part = first; part != NULL && rc == 0; part = json_next(part))
        rc = add_part(part, part == first, &text, p);
    if (rc == 0)
        json_put_string(message, "content", buf_view(&text));
    buf_free(&text);
    return rc;
}

static int plain_content(struct json *message, const struct place *p)
{
    const struct json *content = json_get(message, "content");
    switch (json_type(content)) {
    case JSON_STRING: return 0;
    case JSON_ARRAY: return join_parts(message, content, p);
    case JSON_ABSENT:
    case JSON_NULL:
        return json_count(json_get(message, "tool_calls")) != 0 ? 0 : fault(p, "expected a text");
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
    case JSON_OBJECT: break;
    }
    return fault(p, "expected a text");
}

static int plain_message(struct json *message, int index, struct api_problem *problem)
{
    struct place p = {.problem = problem};
    struct slice role;
    (void)snprintf(p.param, sizeof p.param, "messages[%d]", index);
    if (json_type(message) != JSON_OBJECT)
        return fault(&p, "expected an object with role and content");
    role = json_string(json_get(message, "role"));
    (void)snprintf(p.param, sizeof p.param, "messages[%d].role", index);
    if (role.data == NULL)
        return fault(&p, "expected a text");
    if (slice_is(role, "developer"))
        json_put_text(message, "role", "system");
    (void)snprintf(p.param, sizeof p.param, "messages[%d].content", index);
    return plain_content(message, &p);
}

struct json *messages_plain(const struct json *messages, struct api_problem *problem)
{
    struct json *copy;
    int index = 0;
    if (json_type(messages) != JSON_ARRAY || json_count(messages) == 0) {
        api_problem_field(problem, "messages", "expected a list of messages");
        return NULL;
    }
    copy = json_copy(messages);
    for (struct json *m = json_edit_first(copy); m != NULL; m = json_edit_next(m)) {
        if (plain_message(m, index++, problem) != 0) {
            json_free(copy);
            return NULL;
        }
    }
    return copy;
}
