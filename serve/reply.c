#include "serve/reply.h"

#include "core/json.h"

#include <math.h>
#include <stdio.h>

const char *reply_finish_name(enum engine_finish finish)
{
    switch (finish) {
    case FINISH_STOP: return "stop";
    case FINISH_LENGTH: return "length";
    case FINISH_NONE:
    case FINISH_CANCELLED:
    case FINISH_IMPOSSIBLE:
    case FINISH_ERROR: break;
    }
    return NULL;
}

void reply_choice_init(struct reply_choice *c)
{
    *c = (struct reply_choice){.text = BUF, .logprobs = BUF, .more = {BUF, BUF, BUF}};
}

void reply_choice_free(struct reply_choice *c)
{
    buf_free(&c->text);
    buf_free(&c->logprobs);
    for (int i = 0; i < 3; i++)
        buf_free(&c->more[i]);
}

/* -- logprobs -------------------------------------------------------------------------------- */

/* A token as text: its own bytes, repaired where they are a cut character. */
static void token_text(const struct reply_head *h, int32_t id, struct buf *out)
{
    struct buf bytes = BUF;
    (void)tokenizer_bytes(h->tokenizer, id, &bytes);
    if (bytes.len == 0)
        buf_slice(&bytes, tokenizer_piece(h->tokenizer, id));
    json_quote(buf_view(&bytes), JSON_REPAIR, out);
    buf_free(&bytes);
}

static void chat_entry(const struct reply_head *h, int32_t id, double logprob, struct buf *out)
{
    struct buf bytes = BUF;
    (void)tokenizer_bytes(h->tokenizer, id, &bytes);
    buf_str(out, "{\"token\":");
    token_text(h, id, out);
    buf_printf(out, ",\"logprob\":%.6f,\"bytes\":[", logprob);
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%s%u", i != 0 ? "," : "", (unsigned char)bytes.data[i]);
    buf_char(out, ']');
    buf_free(&bytes);
}

static void chat_token(const struct reply_head *h, const struct engine_event *e, struct buf *out)
{
    chat_entry(h, e->id, (double)e->logprob, out);
    buf_str(out, ",\"top_logprobs\":[");
    for (int i = 0; i < h->top; i++) {
        if (i != 0)
            buf_char(out, ',');
        chat_entry(h, e->top[i].id, (double)e->top[i].logprob, out);
        buf_char(out, '}');
    }
    buf_str(out, "]}");
}

static void top_map(const struct reply_head *h, const struct engine_event *e, struct buf *out)
{
    buf_char(out, '{');
    for (int i = 0; i < h->top; i++) {
        if (i != 0)
            buf_char(out, ',');
        token_text(h, e->top[i].id, out);
        buf_printf(out, ":%.6f", (double)e->top[i].logprob);
    }
    buf_char(out, '}');
}

/* Where the token's text begins: a given one behind those before it, a drawn one where the text
 * handed out so far ends. */
static size_t offset_of(const struct reply_head *h, const struct engine_event *e,
                        struct reply_choice *c)
{
    struct buf bytes = BUF;
    const size_t offset = e->given ? c->given : c->text.len;
    (void)tokenizer_bytes(h->tokenizer, e->id, &bytes);
    if (e->given)
        c->given += bytes.len;
    buf_free(&bytes);
    return offset;
}

/* Completions keep four parallel lists. */
static void text_token(const struct reply_head *h, const struct engine_event *e,
                       struct reply_choice *c)
{
    const char *comma = c->tokens != 0 ? "," : "";
    const bool known = !isnan(e->logprob);
    buf_str(&c->logprobs, comma);
    token_text(h, e->id, &c->logprobs);
    for (int i = 0; i < 2; i++)
        buf_str(&c->more[i], comma);
    if (known) {
        buf_printf(&c->more[0], "%.6f", (double)e->logprob);
        top_map(h, e, &c->more[1]);
    } else {
        buf_str(&c->more[0], "null");
        buf_str(&c->more[1], "null");
    }
    buf_printf(&c->more[2], "%s%zu", comma, offset_of(h, e, c));
}

void reply_gather(const struct reply_head *h, struct reply_choice *c,
                  const struct engine_event *event)
{
    if (event->token && h->logprobs) {
        if (h->kind == REQUEST_CHAT) {
            if (c->tokens != 0)
                buf_char(&c->logprobs, ',');
            chat_token(h, event, &c->logprobs);
        } else {
            text_token(h, event, c);
        }
        c->tokens++;
    }
    buf_slice(&c->text, event->text);
    if (event->finish != FINISH_NONE)
        c->finish = event->finish;
}

static void write_logprobs(const struct reply_head *h, const struct reply_choice *c,
                           struct buf *out)
{
    buf_str(out, ",\"logprobs\":");
    if (!h->logprobs || c->tokens == 0)
        buf_str(out, "null");
    else if (h->kind == REQUEST_CHAT)
        buf_printf(out, "{\"content\":[%s]}", buf_text(&c->logprobs));
    else
        buf_printf(out,
                   "{\"tokens\":[%s],\"token_logprobs\":[%s],\"top_logprobs\":[%s],"
                   "\"text_offset\":[%s]}",
                   buf_text(&c->logprobs), buf_text(&c->more[0]), buf_text(&c->more[1]),
                   buf_text(&c->more[2]));
}

/* -- whole replies --------------------------------------------------------------------------- */

static void write_head(const struct reply_head *h, const char *object, struct buf *out)
{
    buf_printf(out, "{\"id\":\"%s\",\"object\":\"%s\",\"created\":%lld,\"model\":", h->id, object,
               (long long)h->created);
    json_quote(slice_of(h->model), JSON_REPAIR, out);
}

static void write_finish(enum engine_finish finish, struct buf *out)
{
    const char *name = reply_finish_name(finish);
    if (name != NULL)
        buf_printf(out, ",\"finish_reason\":\"%s\"}", name);
    else
        buf_str(out, ",\"finish_reason\":null}");
}

static void write_usage(const struct reply_usage *u, struct buf *out)
{
    buf_printf(
        out, ",\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld}",
        (long long)u->prompt, (long long)u->completion, (long long)(u->prompt + u->completion));
}

void reply_whole(const struct reply_head *h, const struct reply_choice *choices, size_t n,
                 const struct reply_usage *usage, struct buf *out)
{
    const bool chat = h->kind == REQUEST_CHAT;
    write_head(h, chat ? "chat.completion" : "text_completion", out);
    buf_str(out, ",\"choices\":[");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s{\"index\":%zu,", i != 0 ? "," : "", i);
        buf_str(out, chat ? "\"message\":{\"role\":\"assistant\",\"content\":" : "\"text\":");
        json_quote(buf_view(&choices[i].text), JSON_REPAIR, out);
        if (chat)
            buf_str(out, ",\"refusal\":null}");
        write_logprobs(h, &choices[i], out);
        write_finish(choices[i].finish, out);
    }
    buf_char(out, ']');
    write_usage(usage, out);
    buf_char(out, '}');
}

/* -- events ---------------------------------------------------------------------------------- */

static void open_chunk(const struct reply_head *h, struct buf *out)
{
    buf_str(out, "data: ");
    write_head(h, h->kind == REQUEST_CHAT ? "chat.completion.chunk" : "text_completion", out);
    buf_str(out, ",\"choices\":[");
}

void reply_first(const struct reply_head *h, int choice, struct buf *out)
{
    if (h->kind != REQUEST_CHAT)
        return;
    open_chunk(h, out);
    buf_printf(out,
               "{\"index\":%d,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
               "\"logprobs\":null,\"finish_reason\":null}]}\n\n",
               choice);
}

/* The end of a reply goes out in a chunk of its own, as clients expect it. */
static void write_end(const struct reply_head *h, const struct engine_event *event, struct buf *out)
{
    open_chunk(h, out);
    buf_printf(out, "{\"index\":%d,%s,\"logprobs\":null", event->choice,
               h->kind == REQUEST_CHAT ? "\"delta\":{}" : "\"text\":\"\"");
    write_finish(event->finish, out);
    buf_str(out, "]}\n\n");
}

void reply_event(const struct reply_head *h, const struct engine_event *event, struct buf *out)
{
    struct reply_choice one;
    if (event->text.len != 0 || (event->token && h->logprobs)) {
        struct engine_event piece = *event;
        reply_choice_init(&one);
        piece.finish = FINISH_NONE;
        reply_gather(h, &one, &piece);
        open_chunk(h, out);
        buf_printf(out, "{\"index\":%d,%s", event->choice,
                   h->kind == REQUEST_CHAT ? "\"delta\":{\"content\":" : "\"text\":");
        json_quote(event->text, JSON_REPAIR, out);
        if (h->kind == REQUEST_CHAT)
            buf_char(out, '}');
        write_logprobs(h, &one, out);
        buf_str(out, ",\"finish_reason\":null}]}\n\n");
        reply_choice_free(&one);
    }
    if (event->finish != FINISH_NONE)
        write_end(h, event, out);
}

void reply_usage(const struct reply_head *h, const struct reply_usage *usage, struct buf *out)
{
    open_chunk(h, out);
    buf_char(out, ']');
    write_usage(usage, out);
    buf_str(out, "}\n\n");
}

void reply_last(struct buf *out)
{
    buf_str(out, "data: [DONE]\n\n");
}
