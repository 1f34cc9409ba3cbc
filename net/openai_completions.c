/*
 * OpenAI's completions: the teacher goes on from a raw text or from token ids, without a chat
 * template (vLLM, llama.cpp, SGLang, `retort serve`).  With echo, max_tokens 0 and logprobs it
 * scores a given text: the logprobs of the reply begin with the prompt's first token, whose own
 * logprob is NAN.
 *
 * What it cannot say is left out: a schema is then checked by us alone.
 */
#include "net/batches.h"
#include "net/body.h"
#include "net/openai.h"
#include "net/providers.h"

static int put_prompt(const struct net_request *q, struct buf *out, struct error *error)
{
    if (q->tokens && !q->n_tokens)
        return error_set(error, ERROR_USAGE, "a prompt of no tokens cannot be completed");
    if (!q->tokens) {
        json_quote(q->prompt, 0, out);
        return 0;
    }
    for (size_t i = 0; i < q->n_tokens; i++) {
        if (q->tokens[i] < 0)
            return error_set(error, ERROR_USAGE, "token %zu of the prompt is %d", i, q->tokens[i]);
        buf_printf(out, "%c%d", i ? ',' : '[', q->tokens[i]);
    }
    buf_char(out, ']');
    return 0;
}

static int body(const struct net_request *q, const struct net_dialect *d, struct buf *out,
                struct error *error)
{
    static const struct net_dialect old = {.max_tokens_old = true}; /* here it has no other name */
    const struct net_params *p = q->params;
    (void)d;
    if (!q->prompt.data && !q->tokens)
        return error_set(error, ERROR_USAGE,
                         "provider openai-completions asks with raw text; for messages use openai");
    if (p->reasoning_effort)
        return error_set(error, ERROR_USAGE,
                         "provider openai-completions has no reasoning_effort: remove it");
    buf_str(out, "{\"model\":");
    json_quote(slice_of(p->model), 0, out);
    buf_str(out, ",\"prompt\":");
    if (put_prompt(q, out, error))
        return -1;
    if (p->echo && p->max_tokens <= 0)
        body_integer(out, p, "max_tokens", 0);
    openai_body_params(p, &old, out);
    if (p->top_logprobs >= 0)
        body_integer(out, p, "logprobs", p->top_logprobs);
    if (p->echo && body_key(out, p, "echo"))
        buf_str(out, "true");
    body_extra(p, out);
    return body_end(out, error);
}

/* Every choice has a text, null where there is none: anything else is another protocol. */
static int reply(struct slice text, struct net_reply *out, struct net_failure *failure)
{
    if (openai_reply(text, out, failure))
        return -1;
    const struct json *c = json_first(json_get(out->tree, "choices"));
    for (; c; c = json_next(c)) {
        enum json_type type = json_type(json_get(c, "text"));
        if (type != JSON_STRING && type != JSON_NULL)
            return net_malformed(failure, "a choice has no text: is this /v1/completions?");
    }
    return 0;
}

const struct net_provider provider_openai_completions = {
    .name = "openai-completions",
    .about = "completions of raw text: vLLM, llama.cpp, SGLang, retort serve, …",
    .features = NET_RAW_PROMPT | NET_CHOICES | NET_SEED | NET_TOP_LOGPROBS,
    .path = "/completions",
    .headers = openai_headers,
    .body = body,
    .reply = reply,
    .failure = openai_failure,
    .batches = &batches_openai,
};
