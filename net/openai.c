/*
 * OpenAI's chat completions, and every server that speaks them: vLLM, llama.cpp, Ollama, SGLang,
 * Azure, OpenRouter, DeepSeek …  Where they differ in replies, all forms are read; where they
 * differ in requests, the dialect says so.
 */
#include "net/openai.h"

#include "net/batches.h"
#include "net/body.h"
#include "net/logprobs.h"
#include "net/providers.h"

#include <stdio.h>
#include <string.h>

/* ---- asking ---------------------------------------------------------------------------------- */

static void put_schema(struct buf *out, const struct net_params *p)
{
    if (!body_key(out, p, "response_format"))
        return;
    buf_str(out, "{\"type\":\"json_schema\",\"json_schema\":{\"name\":");
    json_quote(slice_of(p->schema_name ? p->schema_name : "reply"), 0, out);
    buf_str(out, ",\"schema\":");
    json_write(p->schema, JSON_CANONICAL, out);
    buf_str(out, ",\"strict\":true}}");
}

void openai_body_params(const struct net_params *p, const struct net_dialect *d, struct buf *out)
{
    if (p->max_tokens > 0)
        body_integer(out, p, d->max_tokens_old ? "max_tokens" : "max_completion_tokens",
                     p->max_tokens);
    body_number(out, p, "temperature", p->temperature);
    body_number(out, p, "top_p", p->top_p);
    if (p->seed >= 0)
        body_integer(out, p, "seed", p->seed);
    if (p->n > 1)
        body_integer(out, p, "n", p->n);
    if (p->stop && body_key(out, p, "stop"))
        json_write(p->stop, JSON_CANONICAL, out);
}

static void put_messages(const struct net_request *q, struct buf *out)
{
    if (q->messages_json.data) {
        buf_slice(out, q->messages_json);
        return;
    }
    buf_char(out, '[');
    for (size_t i = 0; i < q->n_messages; i++) {
        buf_str(out, i ? ",{\"role\":" : "{\"role\":");
        json_quote(q->messages[i].role, 0, out);
        buf_str(out, ",\"content\":");
        json_quote(q->messages[i].content, 0, out);
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

static int body(const struct net_request *q, const struct net_dialect *d, struct buf *out,
                struct error *error)
{
    const struct net_params *p = q->params;
    if (!q->messages_json.data && !q->n_messages)
        return error_set(error, ERROR_USAGE,
                         "provider openai asks with messages; for raw prompts use "
                         "openai-completions");
    buf_str(out, "{\"model\":");
    json_quote(slice_of(p->model), 0, out);
    buf_str(out, ",\"messages\":");
    put_messages(q, out);
    openai_body_params(p, d, out);
    if (p->top_logprobs >= 0) {
        if (body_key(out, p, "logprobs"))
            buf_str(out, "true");
        if (p->top_logprobs > 0)
            body_integer(out, p, "top_logprobs", p->top_logprobs);
    }
    if (p->reasoning_effort && body_key(out, p, "reasoning_effort"))
        json_quote(slice_of(p->reasoning_effort), 0, out);
    if (p->schema && !d->no_schema)
        put_schema(out, p);
    body_extra(p, out);
    return body_end(out, error);
}

int openai_headers(const char *api_key, struct net_headers *out, struct error *error)
{
    char bearer[4096];
    if (net_headers_add(out, "Content-Type", "application/json", error))
        return -1;
    if (!api_key)
        return 0;
    int n = snprintf(bearer, sizeof bearer, "Bearer %s", api_key);
    if (n < 0 || (size_t)n >= sizeof bearer)
        return error_set(error, ERROR_USAGE, "the key is too long");
    int rc = net_headers_add(out, "Authorization", bearer, error);
    volatile char *wipe = bearer;
    for (size_t i = 0; i < sizeof bearer; i++)
        wipe[i] = 0;
    return rc;
}

/* ---- hearing --------------------------------------------------------------------------------- */

/* A number of tokens that can be one. */
static bool count(const struct json *object, const char *name, int64_t *out)
{
    int64_t n;
    if (json_integer(json_get(object, name), &n) || n < 0 || n > (int64_t)1 << 40)
        return false;
    *out = n;
    return true;
}

void openai_usage(const struct json *root, struct net_usage *out)
{
    const struct json *u = json_get(root, "usage");
    int64_t total;
    *out = (struct net_usage){0};
    bool in = count(u, "prompt_tokens", &out->input);
    bool said = count(u, "completion_tokens", &out->output);
    if (in && !said && count(u, "total_tokens", &total) && total >= out->input) {
        out->output = total - out->input; /* servers leave out what is nothing */
        said = true;
    }
    out->given = in && said;
    (void)count(json_get(u, "prompt_tokens_details"), "cached_tokens", &out->cached);
    (void)count(json_get(u, "completion_tokens_details"), "reasoning_tokens", &out->reasoning);
}

/* A string, or the texts of an array of parts joined; absent for null and anything else. */
static struct slice content(const struct json *node, struct arena *arena)
{
    size_t len = 0;
    if (json_type(node) != JSON_ARRAY)
        return json_string(node);
    for (const struct json *p = json_first(node); p; p = json_next(p))
        len += json_string(json_get(p, "text")).len;
    char *joined = arena_alloc(arena, len + 1), *at = joined;
    for (const struct json *p = json_first(node); p; p = json_next(p)) {
        struct slice t = json_string(json_get(p, "text"));
        if (t.len)
            memcpy(at, t.data, t.len);
        at += t.len;
    }
    *at = '\0';
    return slice_from(joined, len);
}

static struct slice as_text(const struct json *node, struct arena *arena)
{
    struct buf b = BUF;
    if (json_type(node) != JSON_ARRAY || !json_count(node) || json_write(node, 0, &b)) {
        buf_free(&b);
        return (struct slice){NULL, 0};
    }
    struct slice s = arena_copy(arena, buf_view(&b));
    buf_free(&b);
    return s;
}

static void read_choice(const struct json *node, struct arena *arena, size_t place,
                        struct net_choice *c)
{
    const struct json *m = json_get(node, "message");
    memset(c, 0, sizeof *c);
    if (json_integer(json_get(node, "index"), &c->index))
        c->index = (int64_t)place;
    c->text = m ? content(json_get(m, "content"), arena) : json_string(json_get(node, "text"));
    c->reasoning = json_string(json_get(m, "reasoning_content"));
    if (!c->reasoning.data)
        c->reasoning = json_string(json_get(m, "reasoning"));
    c->refusal = json_string(json_get(m, "refusal"));
    c->tool_calls = as_text(json_get(m, "tool_calls"), arena);
    c->finish_reason = json_string(json_get(node, "finish_reason"));
    const struct json *lp = json_get(node, "logprobs");
    if (json_type(lp) == JSON_OBJECT || json_type(lp) == JSON_ARRAY)
        (void)logprobs_read(lp, arena, &c->logprobs);
}

/* What went wrong upstream of a proxy, under status 200: in the place of choices, or in the only
 * one.  NULL: nothing. */
static const struct json *upstream_error(const struct json *root, const struct json *choices)
{
    size_t n = json_count(choices);
    const struct json *error = n > 1 ? NULL : json_get(n ? json_first(choices) : root, "error");
    return json_type(error) == JSON_OBJECT ? error : NULL;
}

static int fail_upstream(const struct json *error, struct net_failure *failure)
{
    struct buf body = BUF;
    int64_t status = 0;
    (void)json_integer(json_get(error, "code"), &status);
    buf_str(&body, "{\"error\":");
    json_write(error, 0, &body);
    buf_char(&body, '}');
    openai_failure(status >= 400 && status < 600 ? (int)status : 500, buf_view(&body), failure);
    buf_free(&body);
    return -1;
}

int openai_reply(struct slice text, struct net_reply *out, struct net_failure *failure)
{
    struct error error = {0};
    memset(out, 0, sizeof *out);
    if (!slice_trim(text).len)
        return net_malformed(failure, "the reply is empty");
    out->tree = json_parse_in(&out->arena, text, JSON_REPAIR, &error);
    if (!out->tree)
        return net_malformed(failure, error.text);
    const struct json *choices = json_get(out->tree, "choices");
    openai_usage(out->tree, &out->usage);
    out->id = json_string(json_get(out->tree, "id"));
    out->model = json_string(json_get(out->tree, "model"));
    size_t n = json_type(choices) == JSON_ARRAY ? json_count(choices) : 0;
    const struct json *wrong = upstream_error(out->tree, choices);
    if (wrong)
        return fail_upstream(wrong, failure);
    if (!n)
        return net_malformed(failure, "the reply has no choices");
    out->choices = arena_alloc(&out->arena, n * sizeof *out->choices);
    for (const struct json *c = json_first(choices); c; c = json_next(c), out->n_choices++) {
        if (json_type(c) != JSON_OBJECT)
            return net_malformed(failure, "a choice is not an object");
        read_choice(c, &out->arena, out->n_choices, &out->choices[out->n_choices]);
    }
    return 0;
}

const struct net_provider provider_openai = {
    .name = "openai",
    .about = "chat completions: OpenAI, vLLM, llama.cpp, Ollama, SGLang, Azure, OpenRouter, …",
    .features = NET_CHAT | NET_CHOICES | NET_SEED | NET_TOP_LOGPROBS | NET_NATIVE_SCHEMA,
    .path = "/chat/completions",
    .headers = openai_headers,
    .body = body,
    .reply = openai_reply,
    .failure = openai_failure,
    .adapt = openai_adapt,
    .batches = &batches_openai,
};
