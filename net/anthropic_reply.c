/*
 * Replies and errors of Anthropic's Messages.
 *
 * A reply is a list of blocks: texts are joined, thinking becomes the reasoning, tool_use becomes
 * tool calls in OpenAI's form, other kinds (redacted thinking, server tools) are passed over.
 * usage.input_tokens leaves out what went through the cache; net_usage.input holds all of it.
 *
 * An error is {"type": "error", "error": {"type", "message", "details"}}; its type says more than
 * the status does, and also comes under status 200 from proxies.
 */
#include "net/anthropic.h"

#include <stdio.h>
#include <string.h>

/* ---- usage and stop reasons ------------------------------------------------------------------ */

static int64_t tokens(const struct json *usage, const char *name)
{
    int64_t n;
    return json_integer(json_get(usage, name), &n) || n < 0 || n > (int64_t)1 << 40 ? 0 : n;
}

/* Writing costs 1.25 times the input's price, 2 times where it is kept for an hour. */
static int64_t written_surcharge(const struct json *u)
{
    int64_t all = tokens(u, "cache_creation_input_tokens");
    int64_t hour = tokens(json_get(u, "cache_creation"), "ephemeral_1h_input_tokens");
    hour = hour < all ? hour : all;
    return hour + (all - hour + 3) / 4;
}

static void read_usage(const struct json *u, struct net_usage *out)
{
    int64_t in, said;
    *out = (struct net_usage){0};
    out->given = !json_integer(json_get(u, "input_tokens"), &in) && in >= 0 &&
                 !json_integer(json_get(u, "output_tokens"), &said) && said >= 0;
    out->cached = tokens(u, "cache_read_input_tokens");
    out->input = tokens(u, "input_tokens") + tokens(u, "cache_creation_input_tokens") + out->cached;
    out->output = tokens(u, "output_tokens");
    out->surcharge = written_surcharge(u);
}

/* In OpenAI's words; what is unknown stays as it is. */
static struct slice finish_of(struct slice stop)
{
    static const char *const words[][2] = {{"end_turn", "stop"},
                                           {"stop_sequence", "stop"},
                                           {"refusal", "stop"}, /* the refusal is its own member */
                                           {"max_tokens", "length"},
                                           {"model_context_window_exceeded", "length"},
                                           {"pause_turn", "length"}, /* a turn that is not over */
                                           {"tool_use", "tool_calls"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_is(stop, words[i][0]))
            return slice_of(words[i][1]);
    return stop;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void add_tool(const struct json *block, struct buf *out)
{
    struct buf arguments = BUF;
    json_write(json_get(block, "input"), JSON_CANONICAL, &arguments);
    buf_str(out, out->len ? ",{\"id\":" : "[{\"id\":");
    json_quote(json_string(json_get(block, "id")), 0, out);
    buf_str(out, ",\"type\":\"function\",\"function\":{\"name\":");
    json_quote(json_string(json_get(block, "name")), 0, out);
    buf_str(out, ",\"arguments\":");
    json_quote(buf_view(&arguments), 0, out);
    buf_str(out, "}}");
    buf_free(&arguments);
}

struct blocks {
    struct buf text, thinking, tools;
    bool has_text, has_thinking;
};

/* NULL, or what is wrong with the block. */
static const char *read_block(const struct json *block, struct blocks *b)
{
    struct slice type = json_string(json_get(block, "type"));
    struct slice text = json_string(json_get(block, "text"));
    struct slice thinking = json_string(json_get(block, "thinking"));
    if (json_type(block) != JSON_OBJECT || !type.data)
        return "a content block is no object with a type";
    if (slice_is(type, "text")) {
        if (!text.data)
            return "a text block has no text";
        buf_slice(&b->text, text);
        b->has_text = true;
    } else if (slice_is(type, "thinking")) {
        if (!thinking.data)
            return "a thinking block has no thinking";
        buf_slice(&b->thinking, thinking);
        b->has_thinking |= thinking.len > 0;
    } else if (slice_is(type, "tool_use")) {
        if (json_type(json_get(block, "input")) != JSON_OBJECT)
            return "a tool_use block has no input";
        add_tool(block, &b->tools);
    }
    return NULL;
}

static void fill_choice(const struct json *root, struct blocks *b, struct arena *arena,
                        struct net_choice *c)
{
    struct slice stop = json_string(json_get(root, "stop_reason"));
    memset(c, 0, sizeof *c);
    c->finish_reason = finish_of(stop);
    if (b->has_text)
        c->text = arena_copy(arena, b->text.len ? buf_view(&b->text) : SLICE(""));
    if (b->has_thinking)
        c->reasoning = arena_copy(arena, buf_view(&b->thinking));
    if (b->tools.len) {
        buf_char(&b->tools, ']');
        c->tool_calls = arena_copy(arena, buf_view(&b->tools));
    }
    if (slice_is(stop, "refusal"))
        c->refusal = c->text.len ? c->text : SLICE("stop_reason refusal");
}

static int read_content(const struct json *root, struct net_reply *out, struct net_failure *failure)
{
    struct blocks b = {BUF, BUF, BUF, false, false};
    const struct json *content = json_get(root, "content");
    const char *wrong = json_type(content) == JSON_ARRAY ? NULL : "the reply has no content";
    for (const struct json *p = json_first(content); p && !wrong; p = json_next(p))
        wrong = read_block(p, &b);
    if (!wrong) {
        out->choices = arena_alloc(&out->arena, sizeof *out->choices);
        fill_choice(root, &b, &out->arena, out->choices);
        out->n_choices = 1;
    }
    buf_free(&b.text);
    buf_free(&b.thinking);
    buf_free(&b.tools);
    return wrong ? net_malformed(failure, wrong) : 0;
}

int anthropic_reply(struct slice body, struct net_reply *out, struct net_failure *failure)
{
    struct error error = {0};
    memset(out, 0, sizeof *out);
    if (!slice_trim(body).len)
        return net_malformed(failure, "the reply is empty");
    out->tree = json_parse_in(&out->arena, body, JSON_REPAIR, &error);
    if (!out->tree)
        return net_malformed(failure, error.text);
    if (json_type(json_get(out->tree, "error")) == JSON_OBJECT) {
        anthropic_failure(500, body, failure);
        return -1;
    }
    read_usage(json_get(out->tree, "usage"), &out->usage);
    out->id = json_string(json_get(out->tree, "id"));
    out->model = json_string(json_get(out->tree, "model"));
    return read_content(out->tree, out, failure);
}

/* ---- errors ---------------------------------------------------------------------------------- */

int anthropic_status(struct slice type)
{
    static const struct {
        const char *type;
        int status;
    } known[] = {
        {"invalid_request_error", 400}, {"authentication_error", 401}, {"billing_error", 402},
        {"permission_error", 403},      {"not_found_error", 404},      {"conflict_error", 409},
        {"request_too_large", 413},     {"rate_limit_error", 429},     {"api_error", 500},
        {"timeout_error", 504},         {"overloaded_error", 529}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is(type, known[i].type))
            return known[i].status;
    return 0;
}

/* "max_tokens: 9000 > 4096, which is …" and "`temperature` and `top_p` cannot …" name what they
 * refuse. */
static struct slice parameter_of(struct slice message)
{
    size_t quoted = slice_starts(message, "`"), end = quoted;
    while (end < message.len &&
           (strchr("_.", message.data[end]) != NULL ||
            (message.data[end] >= 'a' && message.data[end] <= 'z') ||
            (message.data[end] >= '0' && message.data[end] <= '9')) &&
           message.data[end])
        end++;
    if (end == quoted || end >= message.len || message.data[end] != (quoted ? '`' : ':'))
        return SLICE("");
    return slice_sub(message, quoted, end - quoted);
}

static bool of_the_prompt(struct slice parameter)
{
    return !parameter.len || slice_starts(parameter, "messages") ||
           slice_starts(parameter, "system") || slice_starts(parameter, "tool_");
}

static enum net_cause of_refused(struct slice message, struct slice parameter)
{
    if (net_says(message, "credit balance") || net_says(message, "usage limits"))
        return NET_QUOTA;
    if (net_says(message, "prompt is too long") || net_says(message, "exceed context limit") ||
        net_says(message, "context window"))
        return NET_CONTEXT_LENGTH;
    if (net_says(message, "content filtering"))
        return NET_CONTENT_FILTER;
    return of_the_prompt(parameter) ? NET_BAD_REQUEST : NET_PARAMETER;
}

static enum net_cause of_status(int status)
{
    switch (status) {
    case 401:
    case 403: return NET_AUTH;
    case 402: return NET_QUOTA;
    case 408: return NET_REQUEST_TIMEOUT;
    case 409:
    case 425: return NET_CONFLICT;
    case 413: return NET_CONTEXT_LENGTH;
    case 429: return NET_RATE_LIMIT;
    case 503:
    case 529: return NET_OVERLOADED;
    default: return status >= 500 ? NET_SERVER_ERROR : NET_MODEL; /* 404, 405, a redirect */
    }
}

void anthropic_failure(int status, struct slice body, struct net_failure *out)
{
    struct json *root = json_parse(body, JSON_REPAIR, NULL);
    const struct json *e = json_get(root, "error");
    struct slice message = json_string(json_get(e, "message"));
    struct slice detail = json_string(json_path(e, "details.error_code"));
    int typed = anthropic_status(json_string(json_get(e, "type")));
    if (typed && !(typed == 400 && status > 400 && status < 500)) /* that one is for any 4xx */
        status = typed;
    struct slice parameter = status == 400 || status == 422 ? parameter_of(message) : SLICE("");
    if (slice_is(detail, "enforced_spend_limit_reached"))
        out->cause = NET_QUOTA;
    else
        out->cause =
            status == 400 || status == 422 ? of_refused(message, parameter) : of_status(status);
    if (message.len || body.len)
        net_line(message.len ? message : body, out->message, sizeof out->message);
    else
        snprintf(out->message, sizeof out->message, "status %d without a body", status);
    net_line(parameter, out->parameter, sizeof out->parameter);
    json_free(root);
}
