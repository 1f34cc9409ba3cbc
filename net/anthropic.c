/*
 * Anthropic's Messages API (version 2023-06-01), and servers that speak it.
 *
 * The system message stands apart from the others, max_tokens must be given, stop is called
 * stop_sequences, reasoning_effort and a schema live in output_config.  It has neither seed, n nor
 * logprobs: the seed is left out (the sample number keeps requests apart), the others are refused.
 * While teacher.body turns thinking on, temperature is left out, because the API allows none then.
 */
#include "net/anthropic.h"

#include "net/batches.h"
#include "net/body.h"
#include "net/providers.h"

#include <string.h>

/* ---- messages -------------------------------------------------------------------------------- */

/* The system text and the members of the messages array, as they gather. */
struct turns {
    struct buf system, others;
};

static bool is_system(struct slice role)
{
    return slice_is(role, "system") || slice_is(role, "developer");
}

/* A string, or the texts of its parts. */
static void add_system(struct turns *t, const struct json *content, struct slice text)
{
    if (t->system.len)
        buf_str(&t->system, "\n\n");
    buf_slice(&t->system, json_type(content) == JSON_STRING ? json_string(content) : text);
    if (json_type(content) == JSON_ARRAY)
        for (const struct json *p = json_first(content); p; p = json_next(p))
            buf_slice(&t->system, json_string(json_get(p, "text")));
}

/* One turn whose content is a node or, where that is NULL, the text. */
static int add_turn(struct turns *t, struct slice role, const struct json *content,
                    struct slice text, struct error *error)
{
    if (is_system(role) && !t->others.len) {
        add_system(t, content, text);
        return 0;
    }
    if (!slice_is(role, "user") && !slice_is(role, "assistant"))
        return error_set(error, ERROR_INPUT,
                         "a message of role \"%.*s\" cannot be sent to provider anthropic here: "
                         "system messages come first, all others are of user and assistant",
                         (int)(role.len < 40 ? role.len : 40), role.data ? role.data : "");
    buf_str(&t->others, t->others.len ? ",{\"role\":" : "{\"role\":");
    json_quote(role, 0, &t->others);
    buf_str(&t->others, ",\"content\":");
    if (content)
        json_write(content, JSON_CANONICAL, &t->others);
    else
        json_quote(text, 0, &t->others);
    buf_char(&t->others, '}');
    return 0;
}

static int add_json(struct turns *t, struct slice messages, struct error *error)
{
    struct json *root = json_parse(messages, JSON_REPAIR, error);
    int rc = root ? 0 : error_wrap(error, "messages");
    for (const struct json *m = json_first(root); m && !rc; m = json_next(m)) {
        const struct json *content = json_get(m, "content");
        enum json_type type = json_type(content);
        if ((type != JSON_STRING && type != JSON_ARRAY) || json_count(json_get(m, "tool_calls")))
            rc = error_set(error, ERROR_INPUT,
                           "a message without content or with tool calls cannot be sent to "
                           "provider anthropic");
        else
            rc = add_turn(t, json_string(json_get(m, "role")), content, SLICE(""), error);
    }
    json_free(root);
    return rc;
}

static int gather(struct turns *t, const struct net_request *q, struct error *error)
{
    int rc = 0;
    if (q->messages_json.data)
        return add_json(t, q->messages_json, error);
    for (size_t i = 0; i < q->n_messages && !rc; i++)
        rc = add_turn(t, q->messages[i].role, NULL, q->messages[i].content, error);
    return rc;
}

/* ---- body ------------------------------------------------------------------------------------ */

static bool given(const struct net_params *p, const char *name)
{
    return p->extra && json_get(p->extra, name);
}

/* What the API cannot do, said before anything is sent. */
static int check(const struct net_request *q, struct error *error)
{
    const struct net_params *p = q->params;
    if (!q->messages_json.data && !q->n_messages)
        return error_set(error, ERROR_USAGE,
                         "provider anthropic asks with messages; for raw prompts use "
                         "openai-completions");
    if (p->max_tokens <= 0 && !given(p, "max_tokens"))
        return error_set(error, ERROR_USAGE, "provider anthropic needs gen.max_tokens");
    if (p->n > 1)
        return error_set(error, ERROR_USAGE,
                         "provider anthropic gives one reply a request, not n = %d: ask for more "
                         "with gen.samples",
                         p->n);
    if (p->top_logprobs >= 0)
        return error_set(error, ERROR_USAGE, "provider anthropic gives no logprobs: remove them");
    if (p->temperature > 1 && !given(p, "temperature"))
        return error_set(error, ERROR_USAGE,
                         "provider anthropic takes a temperature from 0 to 1, not %g",
                         p->temperature);
    return 0;
}

static void put_stop(const struct net_params *p, struct buf *out)
{
    bool one = json_type(p->stop) == JSON_STRING;
    if (!p->stop || !body_key(out, p, "stop_sequences"))
        return;
    buf_str(out, one ? "[" : "");
    json_write(p->stop, JSON_CANONICAL, out);
    buf_str(out, one ? "]" : "");
}

static void put_output_config(const struct net_params *p, const struct net_dialect *d,
                              struct buf *out)
{
    bool schema = p->schema && !d->no_schema;
    if ((!schema && !p->reasoning_effort) || !body_key(out, p, "output_config"))
        return;
    buf_char(out, '{');
    if (p->reasoning_effort) {
        buf_str(out, "\"effort\":");
        json_quote(slice_of(p->reasoning_effort), 0, out);
    }
    if (schema) {
        buf_str(out, p->reasoning_effort ? ",\"format\":" : "\"format\":");
        buf_str(out, "{\"type\":\"json_schema\",\"schema\":");
        json_write(p->schema, JSON_CANONICAL, out);
        buf_char(out, '}');
    }
    buf_char(out, '}');
}

static bool thinks(const struct net_params *p)
{
    const char *type = json_text(json_path(p->extra, "thinking.type"), "disabled");
    return strcmp(type, "disabled") != 0;
}

static void put_params(const struct net_params *p, const struct net_dialect *d, struct buf *out)
{
    body_integer(out, p, "max_tokens", p->max_tokens);
    if (!thinks(p))
        body_number(out, p, "temperature", p->temperature);
    body_number(out, p, "top_p", p->top_p);
    put_stop(p, out);
    put_output_config(p, d, out);
    body_extra(p, out);
}

static int body(const struct net_request *q, const struct net_dialect *d, struct buf *out,
                struct error *error)
{
    struct turns t = {BUF, BUF};
    int rc = check(q, error);
    if (!rc)
        rc = gather(&t, q, error);
    if (!rc && !t.others.len)
        rc = error_set(error, ERROR_INPUT, "there is no message of the user to send");
    if (!rc) {
        buf_str(out, "{\"model\":");
        json_quote(slice_of(q->params->model), 0, out);
        if (t.system.len && body_key(out, q->params, "system"))
            json_quote(buf_view(&t.system), 0, out);
        buf_str(out, ",\"messages\":[");
        buf_slice(out, buf_view(&t.others));
        buf_char(out, ']');
        put_params(q->params, d, out);
        rc = body_end(out, error);
    }
    buf_free(&t.system);
    buf_free(&t.others);
    return rc;
}

static int headers(const char *api_key, struct net_headers *out, struct error *error)
{
    if (net_headers_add(out, "Content-Type", "application/json", error) ||
        net_headers_add(out, "anthropic-version", "2023-06-01", error))
        return -1;
    return api_key ? net_headers_add(out, "x-api-key", api_key, error) : 0;
}

/* Models and servers that know no output format: the schema is then checked by us alone. */
static bool adapt(const struct net_failure *f, const struct net_dialect *sent,
                  struct net_dialect *now)
{
    struct slice says = slice_of(f->message);
    if ((f->cause != NET_PARAMETER && f->cause != NET_BAD_REQUEST) || sent->no_schema)
        return false;
    if (net_says(says, "effort") ||
        !(net_says(says, "output_config") || net_says(says, "output_format") ||
          net_says(says, "output format") || net_says(says, "structured output")))
        return false;
    now->no_schema = true;
    return true;
}

const struct net_provider provider_anthropic = {
    .name = "anthropic",
    .about = "Anthropic's Messages",
    .features = NET_CHAT | NET_NATIVE_SCHEMA,
    .path = "/messages",
    .cache_mark = "\"cache_control\"",
    .headers = headers,
    .body = body,
    .reply = anthropic_reply,
    .failure = anthropic_failure,
    .adapt = adapt,
    .batches = &batches_anthropic,
};
