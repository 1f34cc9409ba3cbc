/*
 * Errors of OpenAI and of the servers that imitate it: {"error": {message, type, param, code}}, a
 * bare {"message", "type", "code"} (older vLLM), {"detail": …} (FastAPI), a string, or HTML.
 */
#include "net/openai.h"

#include <stdio.h>
#include <string.h>

struct words {
    struct slice message, type, code, param;
};

static bool is_one_of(struct slice s, const char *const *list)
{
    for (; *list; list++)
        if (slice_is(s, *list))
            return true;
    return false;
}

static struct slice first_string(const struct json *node, const char *const *keys)
{
    struct slice s = {NULL, 0};
    for (; *keys && !s.data; keys++)
        s = json_string(json_get(node, *keys));
    return s;
}

static void read_words(const struct json *root, struct words *w)
{
    static const char *const messages[] = {"message", "detail", "error", NULL};
    const struct json *e = json_get(root, "error");
    if (json_type(e) != JSON_OBJECT)
        e = root;
    w->message = first_string(e, messages);
    w->type = json_string(json_get(e, "type"));
    w->code = json_string(json_get(e, "code"));
    w->param = json_string(json_get(e, "param"));
    if (!w->message.data && json_path(root, "detail.0.msg")) /* FastAPI's validation */
        w->message = json_string(json_path(root, "detail.0.msg"));
}

static enum net_cause of_quota(const struct words *w)
{
    static const char *const stop[] = {"insufficient_quota",
                                       "credit_balance_exhausted",
                                       "organization_spend_limit_exceeded",
                                       "project_spend_limit_exceeded",
                                       "organization_usage_limit_exceeded",
                                       "billing_hard_limit_reached",
                                       "billing_not_active",
                                       NULL};
    return is_one_of(w->code, stop) || is_one_of(w->type, stop) ? NET_QUOTA : NET_OK;
}

static bool too_long(const struct words *w)
{
    static const char *const names[] = {"context_length_exceeded", "exceed_context_size_error",
                                        "string_above_max_length", NULL};
    return is_one_of(w->code, names) || is_one_of(w->type, names) ||
           net_says(w->message, "maximum context length") || net_says(w->message, "context size") ||
           net_says(w->message, "prompt is too long") || net_says(w->message, "max_model_len");
}

static bool filtered(const struct words *w)
{
    static const char *const names[] = {"content_filter", "content_policy_violation",
                                        "invalid_prompt", "ResponsibleAIPolicyViolation", NULL};
    return is_one_of(w->code, names) || is_one_of(w->type, names) ||
           net_says(w->message, "content management policy") || net_says(w->message, "flagged");
}

/* 400 and 422: of this request, or of every request? */
static enum net_cause of_refused_request(const struct words *w)
{
    static const char *const settings[] = {"unsupported_parameter", "unsupported_value",
                                           "unknown_parameter", NULL};
    if (too_long(w))
        return NET_CONTEXT_LENGTH;
    if (filtered(w))
        return NET_CONTENT_FILTER;
    if (net_says(w->message, "could not parse the json body"))
        return NET_SERVER_ERROR; /* damaged on its way: the same request is fine the next time */
    if (slice_is(w->code, "model_not_found") || net_says(w->message, "model_not_found"))
        return NET_MODEL;
    if (is_one_of(w->code, settings) ||
        (w->param.len && !slice_starts(w->param, "messages") && !slice_starts(w->param, "prompt")))
        return NET_PARAMETER;
    return NET_BAD_REQUEST;
}

static enum net_cause of_status(int status, const struct words *w)
{
    enum net_cause quota = of_quota(w);
    if (quota != NET_OK && status != 400)
        return quota;
    if (status == 402)
        return NET_QUOTA;
    if (status == 401)
        return NET_AUTH;
    if (status == 403)
        return filtered(w) || net_says(w->message, "moderation") ? NET_CONTENT_FILTER : NET_AUTH;
    if (status == 408)
        return NET_REQUEST_TIMEOUT;
    if (status == 409 || status == 425)
        return NET_CONFLICT;
    if (status == 413)
        return NET_CONTEXT_LENGTH;
    if (status == 429) /* one request over the whole limit never passes */
        return net_says(w->message, "request too large") ? NET_CONTEXT_LENGTH : NET_RATE_LIMIT;
    if (status == 503 || status == 529 || slice_is(w->code, "slow_down"))
        return NET_OVERLOADED;
    if (status >= 500)
        return NET_SERVER_ERROR;
    if (status == 400 || status == 422)
        return of_refused_request(w);
    return NET_MODEL; /* 404, 405, 410, a redirect: nothing of ours lives there */
}

void openai_failure(int status, struct slice body, struct net_failure *out)
{
    struct json *root = json_parse(body, JSON_REPAIR, NULL);
    struct words w = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    if (root)
        read_words(root, &w);
    out->cause = of_status(status, &w);
    if (w.message.len)
        net_line(w.message, out->message, sizeof out->message);
    else if (body.len)
        net_line(body, out->message, sizeof out->message);
    else
        snprintf(out->message, sizeof out->message, "status %d without a body", status);
    net_line(w.param, out->parameter, sizeof out->parameter);
    json_free(root);
}

static bool names(const struct net_failure *f, const char *parameter)
{
    return !strcmp(f->parameter, parameter) || strstr(f->message, parameter) != NULL;
}

bool openai_adapt(const struct net_failure *f, const struct net_dialect *sent,
                  struct net_dialect *now)
{
    if (f->cause != NET_PARAMETER && f->cause != NET_BAD_REQUEST)
        return false;
    if (names(f, "max_completion_tokens") && !sent->max_tokens_old) {
        now->max_tokens_old = true;
        return true;
    }
    if (sent->max_tokens_old && names(f, "max_completion_tokens")) {
        now->max_tokens_old = false; /* "use max_completion_tokens instead": it wants the new one */
        return true;
    }
    if (names(f, "response_format") && !sent->no_schema) {
        now->no_schema = true;
        return true;
    }
    return false;
}
