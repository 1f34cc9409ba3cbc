#include "corpus/conversation.h"

#include "corpus/turns.h"

#include <string.h>

static const char *const openai_roles[][2] = {{NULL, NULL}};
static const char *const sharegpt_roles[][2] = {
    {"human", "user"},        {"gpt", "assistant"},    {"user", "user"},
    {"chatgpt", "assistant"}, {"bing", "assistant"},   {"bard", "assistant"},
    {"model", "assistant"},   {"observation", "tool"}, {NULL, NULL},
};

const struct conversation_shape conversation_openai = {"role", "content", openai_roles};
const struct conversation_shape conversation_sharegpt = {"from", "value", sharegpt_roles};

static const char *const reasoning_keys[] = {"reasoning_content", "reasoning", NULL};

/* ---- reading ---- */

static struct slice our_role(const struct conversation_shape *shape, struct slice role)
{
    for (size_t i = 0; shape->roles[i][0] != NULL; i++)
        if (slice_is(role, shape->roles[i][0]))
            return slice_of(shape->roles[i][1]);
    return role;
}

/* Files mix the two spellings; take either. */
static const struct json *field(const struct json *turn, const char *key, const char *other)
{
    const struct json *f = json_get(turn, key);
    return f != NULL ? f : json_get(turn, other);
}

static struct slice role_of(const struct json *turn, const struct conversation_shape *shape)
{
    const struct json *f = field(turn, shape->role_key, "role");
    return our_role(shape, json_string(f != NULL ? f : json_get(turn, "from")));
}

static const struct json *content_of(const struct json *turn,
                                     const struct conversation_shape *shape)
{
    const struct json *f = field(turn, shape->content_key, "content");
    return f != NULL ? f : json_get(turn, "value");
}

/* A string, or the text parts of an array put together. */
static int content_text(struct record *r, const struct json *content, struct slice *out,
                        struct error *error)
{
    struct buf text = BUF;
    *out = SLICE("");
    if (json_type(content) == JSON_STRING) {
        *out = json_string(content);
        return 0;
    }
    if (json_type(content) == JSON_ABSENT || json_type(content) == JSON_NULL)
        return 0;
    if (json_type(content) != JSON_ARRAY)
        return error_set(error, ERROR_INPUT, "content: expected a string, got %s",
                         json_type_name(json_type(content)));
    for (const struct json *p = json_first(content); p != NULL; p = json_next(p)) {
        if (strcmp(json_text(json_get(p, "type"), ""), "text") != 0) {
            buf_free(&text);
            return error_set(error, ERROR_INPUT, "content: only parts of type \"text\" are read");
        }
        buf_slice(&text, json_string(json_get(p, "text")));
    }
    *out = record_keep(r, &text);
    return 0;
}

/* Whether a turn says no more than role and content (and reasoning, for the reply). */
static bool is_plain(const struct json *turn, bool reply)
{
    static const char *const known[] = {"role", "content", "from", "value", NULL};
    for (const struct json *f = json_first(turn); f != NULL; f = json_next(f)) {
        bool ok = false;
        for (size_t i = 0; known[i] != NULL; i++)
            ok |= strcmp(json_key(f), known[i]) == 0;
        for (size_t i = 0; reply && reasoning_keys[i] != NULL; i++)
            ok |= strcmp(json_key(f), reasoning_keys[i]) == 0;
        if (!ok || json_type(f) != JSON_STRING)
            return false;
    }
    return true;
}

static int check_turn(const struct json *turn, size_t number,
                      const struct conversation_shape *shape, struct error *error)
{
    if (json_type(turn) != JSON_OBJECT)
        return error_set(error, ERROR_INPUT, "turn %zu: expected an object, got %s", number,
                         json_type_name(json_type(turn)));
    if (role_of(turn, shape).data == NULL)
        return error_set(error, ERROR_INPUT, "turn %zu: no \"%s\"", number, shape->role_key);
    return 0;
}

static int read_reply(struct record *r, const struct json *turn,
                      const struct conversation_shape *shape, struct sample *s, struct error *error)
{
    if (!slice_is(role_of(turn, shape), "assistant"))
        return error_set(error, ERROR_INPUT,
                         "the last turn is not a reply of the assistant: nothing to learn from");
    if (content_text(r, content_of(turn, shape), &s->output, error) != 0)
        return -1;
    if (s->output.len == 0 && json_count(json_get(turn, "tool_calls")) != 0)
        return error_set(error, ERROR_INPUT, "the last turn only calls tools");
    for (size_t i = 0; reasoning_keys[i] != NULL; i++)
        if (json_type(json_get(turn, reasoning_keys[i])) == JSON_STRING)
            s->reasoning = json_string(json_get(turn, reasoning_keys[i]));
    return 0;
}

/* The turn in our names: role and content first, the rest as it was. */
static struct json *our_turn(const struct json *turn, const struct conversation_shape *shape)
{
    struct json *out = json_new_object();
    const struct json *content = content_of(turn, shape);
    json_put_string(out, "role", role_of(turn, shape));
    if (content != NULL)
        json_put(out, "content", json_copy(content));
    for (const struct json *f = json_first(turn); f != NULL; f = json_next(f))
        if (f != content && strcmp(json_key(f), shape->role_key) != 0 &&
            strcmp(json_key(f), "role") != 0)
            json_put(out, json_key(f), json_copy(f));
    return out;
}

/* Turns from `first` up to the reply become messages; the last user turn is the instruction. */
static int keep_turns(struct record *r, const struct json *first, const struct json *reply,
                      const struct conversation_shape *shape, struct sample *s, struct error *error)
{
    struct json *kept = json_new_array();
    struct buf text = BUF;
    int rc = 0;
    s->instruction = SLICE("");
    for (const struct json *t = first; rc == 0 && t != reply; t = json_next(t)) {
        json_push(kept, our_turn(t, shape));
        if (slice_is(role_of(t, shape), "user"))
            rc = content_text(r, content_of(t, shape), &s->instruction, error);
    }
    json_write(kept, 0, &text);
    json_free(kept);
    s->messages = record_keep(r, &text);
    return rc;
}

int conversation_read(struct record *r, const struct json *turns,
                      const struct conversation_shape *shape, struct sample *s, struct error *error)
{
    const struct json *first = json_first(turns), *reply = NULL;
    bool plain = true;
    size_t n = 0;
    if (json_type(turns) != JSON_ARRAY || first == NULL)
        return error_set(error, ERROR_INPUT, "expected turns in an array, got %s",
                         first == NULL ? "none" : json_type_name(json_type(turns)));
    for (const struct json *t = first; t != NULL; t = json_next(t)) {
        if (check_turn(t, ++n, shape, error) != 0)
            return -1;
        plain &= is_plain(t, json_next(t) == NULL);
        reply = t;
    }
    if (read_reply(r, reply, shape, s, error) != 0)
        return -1;
    if (first != reply && slice_is(role_of(first, shape), "system") && is_plain(first, false)) {
        s->system = json_string(content_of(first, shape));
        first = json_next(first);
        n--;
    }
    if (!plain || n != 2 || !slice_is(role_of(first, shape), "user"))
        return keep_turns(r, first, reply, shape, s, error);
    s->instruction = json_string(content_of(first, shape));
    s->input = SLICE("");
    return 0;
}

/* ---- writing ---- */

static struct slice their_role(const struct conversation_shape *shape, struct slice role)
{
    for (size_t i = 0; shape->roles[i][0] != NULL; i++)
        if (slice_is(role, shape->roles[i][1]))
            return slice_of(shape->roles[i][0]);
    return role;
}

static void open_turn(const struct conversation_shape *shape, struct slice role, struct buf *out)
{
    if (out->data[out->len - 1] != '[')
        buf_char(out, ',');
    buf_char(out, '{');
    record_put(out, shape->role_key, their_role(shape, role));
}

static void write_turn(const struct conversation_shape *shape, const char *role,
                       struct slice content, struct buf *out)
{
    open_turn(shape, slice_of(role), out);
    record_put(out, shape->content_key, content);
    buf_char(out, '}');
}

static void write_kept_turn(const struct conversation_shape *shape, const struct json *turn,
                            struct buf *out)
{
    open_turn(shape, json_string(json_get(turn, "role")), out);
    for (const struct json *f = json_first(turn); f != NULL; f = json_next(f)) {
        if (strcmp(json_key(f), "role") == 0)
            continue;
        buf_char(out, ',');
        json_quote(slice_of(strcmp(json_key(f), "content") == 0 ? shape->content_key : json_key(f)),
                   0, out);
        buf_char(out, ':');
        json_write(f, 0, out);
    }
    buf_char(out, '}');
}

/* A system message among the turns wins over the column (as in turns.c). */
static int write_kept(const struct sample *s, const struct conversation_shape *shape,
                      struct buf *out, struct error *error)
{
    struct json *turns = json_parse(s->messages, JSON_REPAIR, NULL);
    int rc = 0;
    if (json_type(turns) != JSON_ARRAY)
        rc = error_set(error, ERROR_INPUT, "its messages are no JSON array");
    if (s->system.data != NULL && !slice_is(json_string(json_path(turns, "0.role")), "system"))
        write_turn(shape, "system", s->system, out);
    for (const struct json *t = json_first(turns); rc == 0 && t != NULL; t = json_next(t))
        write_kept_turn(shape, t, out);
    json_free(turns);
    return rc;
}

static void write_question(const struct sample *s, const struct conversation_shape *shape,
                           struct buf *out)
{
    struct buf prompt = BUF;
    if (s->system.data != NULL)
        write_turn(shape, "system", s->system, out);
    if (s->input.len == 0) {
        write_turn(shape, "user", s->instruction, out);
        return;
    }
    turns_prompt(s, &prompt);
    write_turn(shape, "user", buf_view(&prompt), out);
    buf_free(&prompt);
}

int conversation_write(const struct sample *s, const struct conversation_shape *shape,
                       struct buf *out, struct error *error)
{
    buf_char(out, '[');
    if (s->messages.data == NULL)
        write_question(s, shape, out);
    else if (write_kept(s, shape, out, error) != 0)
        return -1;
    open_turn(shape, SLICE("assistant"), out);
    record_put(out, shape->content_key, s->output);
    record_put(out, reasoning_keys[0], s->reasoning);
    buf_str(out, "}]");
    return 0;
}
