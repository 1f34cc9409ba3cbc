#include "serve/request_prompt.h"

#include "core/clock.h"
#include "core/mem.h"
#include "serve/messages.h"

static struct request_prompt *add_prompt(struct request *r)
{
    struct request_prompt *prompt;
    r->prompts = mem_grow(r->prompts, r->n_prompts + 1, sizeof *r->prompts);
    prompt = &r->prompts[r->n_prompts++];
    *prompt = (struct request_prompt){TOKENS, BUF};
    return prompt;
}

static int broken(struct api_problem *p, const char *param, const struct error *error)
{
    return api_problem_set(p, 400, "invalid_request_error", param, "%s", error->text);
}

static int prompt_of_messages(struct request *r, const struct served *served, struct api_problem *p)
{
    struct chat_input in = {.bos = served->bos,
                            .eos = served->eos,
                            .generation_prompt = true,
                            .date_ms = clock_wall_ms()};
    struct chat_render render = CHAT_RENDER;
    struct chat_tokens tokens = CHAT_TOKENS;
    struct request_prompt *prompt;
    struct json *messages;
    struct error error = {0};
    int rc;
    if (served->chat == NULL)
        return api_problem_field(p, "messages",
                                 "this model has no chat template; use /v1/completions, or "
                                 "start the server with --template NAME");
    in.messages = messages = messages_plain(json_get(r->body, "messages"), p);
    if (messages == NULL)
        return -1;
    rc = chat_render(served->chat, &in, &render, &error);
    if (rc == 0)
        rc = chat_encode(served->tokenizer, served->scratch, &render, 0, &tokens, &error);
    prompt = add_prompt(r);
    prompt->ids = tokens.tokens;
    tokens.tokens = TOKENS;
    chat_tokens_free(&tokens);
    chat_render_free(&render);
    json_free(messages);
    return rc == 0 ? 0 : broken(p, "messages", &error);
}

static int prompt_of_ids(struct request *r, const struct json *list, const struct served *served,
                         struct api_problem *p)
{
    struct request_prompt *prompt = add_prompt(r);
    for (const struct json *node = json_first(list); node != NULL; node = json_next(node)) {
        int64_t id;
        if (json_integer(node, &id) != 0 || id < 0 || id >= tokenizer_size(served->tokenizer))
            return api_problem_field(p, "prompt", "a token id is not one of this model's");
        tokens_push(&prompt->ids, (int32_t)id);
    }
    tokenizer_decode(served->tokenizer, prompt->ids.ids, prompt->ids.n, 0, &prompt->text);
    return 0;
}

static int prompt_of_text(struct request *r, struct slice text, const struct served *served,
                          struct api_problem *p)
{
    struct request_prompt *prompt = add_prompt(r);
    struct error error = {0};
    buf_slice(&prompt->text, text);
    if (tokenizer_encode(served->tokenizer, served->scratch, text,
                         TOKENIZER_TEMPLATE | TOKENIZER_PARSE, &prompt->ids, &error) != 0)
        return broken(p, "prompt", &error);
    return 0;
}

/* A text, a list of ids, or a list of either. */
static int read_prompt(struct request *r, const struct json *node, const struct served *served,
                       struct api_problem *p)
{
    const struct json *first = json_first(node);
    if (json_type(node) == JSON_STRING)
        return prompt_of_text(r, json_string(node), served, p);
    if (json_type(node) != JSON_ARRAY || first == NULL)
        return api_problem_field(p, "prompt", "expected a text, token ids, or a list of these");
    if (json_type(first) == JSON_NUMBER)
        return prompt_of_ids(r, node, served, p);
    if (json_count(node) > REQUEST_PROMPTS_MAX)
        return api_problem_field(p, "prompt", "at most 256 prompts at once");
    for (; first != NULL; first = json_next(first)) {
        const bool text = json_type(first) == JSON_STRING;
        if (text ? prompt_of_text(r, json_string(first), served, p) != 0
                 : json_type(first) != JSON_ARRAY || prompt_of_ids(r, first, served, p) != 0)
            return text || json_type(first) == JSON_ARRAY
                       ? -1
                       : api_problem_field(p, "prompt", "expected a list of texts or of token ids");
    }
    return 0;
}

static int check_length(const struct request *r, const struct served *served, struct api_problem *p)
{
    for (size_t i = 0; i < r->n_prompts; i++) {
        const size_t n = r->prompts[i].ids.n;
        const char *param = r->kind == REQUEST_CHAT ? "messages" : "prompt";
        if (n == 0)
            return api_problem_field(p, param, "the prompt is empty");
        if (n < (size_t)served->capacity)
            continue;
        api_problem_set(p, 400, "invalid_request_error", param,
                        "This model's maximum context length is %d tokens. However, your prompt "
                        "has %zu tokens.",
                        served->capacity, n);
        p->code = "context_length_exceeded";
        return -1;
    }
    return 0;
}

int request_prompt_read(struct request *r, const struct served *served, struct api_problem *problem)
{
    if ((r->kind == REQUEST_CHAT
             ? prompt_of_messages(r, served, problem)
             : read_prompt(r, json_get(r->body, "prompt"), served, problem)) != 0)
        return -1;
    return check_length(r, served, problem);
}
