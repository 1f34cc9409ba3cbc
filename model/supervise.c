#include "model/supervise.h"

#include "core/mem.h"

/* The piece of a control token as text; NULL where the model has none. */
static char *piece_text(const struct tokenizer *t, int32_t id)
{
    struct slice piece = {NULL, 0};
    if (id >= 0)
        piece = tokenizer_piece(t, id);
    return piece.data != NULL ? mem_strndup(piece.data, piece.len) : NULL;
}

void supervise_open(struct supervise *s, const struct tokenizer *t, const struct chat_template *c)
{
    *s = (struct supervise){.tokenizer = t, .chat = c};
    s->bos = piece_text(t, tokenizer_bos(t));
    s->eos = piece_text(t, tokenizer_eos(t));
}

void supervise_close(struct supervise *s)
{
    mem_free(s->bos);
    mem_free(s->eos);
    s->bos = s->eos = NULL;
}

void supervise_worker_open(struct supervise_worker *w, const struct supervise *s)
{
    w->scratch = tokenizer_scratch_new(s->tokenizer);
    w->render = CHAT_RENDER;
}

void supervise_worker_close(struct supervise_worker *w)
{
    tokenizer_scratch_free(w->scratch);
    chat_render_free(&w->render);
    w->scratch = NULL;
}

static int encode(const struct supervise *s, struct supervise_worker *w,
                  const struct chat_input *in, struct chat_tokens *out, struct error *error)
{
    unsigned flags = s->last_reply_only ? CHAT_LAST_REPLY_ONLY : 0;
    chat_tokens_clear(out);
    if (chat_render(s->chat, in, &w->render, error) != 0)
        return -1;
    return chat_encode(s->tokenizer, w->scratch, &w->render, flags, out, error);
}

/* The new length, 0 when nothing is left to learn. */
static size_t cut(struct chat_tokens *t, uint32_t max_length, bool *truncated)
{
    int32_t *ids = t->tokens.ids;
    size_t n = t->tokens.n, end, last;
    while (n > 1 && !t->mask[n - 1])
        n--;
    *truncated = max_length != 0 && n > max_length;
    if (!*truncated)
        return n > 1 ? n : 0;
    end = max_length;
    while (end > 1 && !t->mask[end - 1])
        end--;
    if (end <= 1)
        return 0;
    if (end == max_length && t->mask[end]) { /* inside a reply: its last token ends the turn */
        for (last = end; last + 1 < n && t->mask[last + 1]; last++)
            continue;
        if (end < 3 || !t->mask[end - 2])
            return 0; /* the end alone would be learnt */
        ids[end - 1] = ids[last];
    }
    return end;
}

int supervise_encode(const struct supervise *s, struct supervise_worker *w,
                     const struct json *turns, struct chat_tokens *out, struct supervise_row *row,
                     struct error *error)
{
    const struct chat_input in = {.messages = turns, .bos = s->bos, .eos = s->eos};
    *row = (struct supervise_row){0, 0, false};
    if (encode(s, w, &in, out, error) != 0)
        return -1;
    row->length = (uint32_t)cut(out, s->max_length, &row->truncated);
    for (uint32_t i = 1; i < row->length; i++)
        row->supervised += out->mask[i];
    if (row->length != 0)
        out->mask[0] = 0;
    return 0;
}

int supervise_prompt(const struct supervise *s, struct supervise_worker *w,
                     const struct json *turns, struct chat_tokens *out, struct error *error)
{
    const struct chat_input in = {.messages = turns,
                                  .bos = s->bos,
                                  .eos = s->eos,
                                  .generation_prompt = true};
    return encode(s, w, &in, out, error);
}

static int32_t add_stop(int32_t id, int32_t *out, int32_t n, int32_t max)
{
    for (int32_t i = 0; i < n; i++)
        if (out[i] == id)
            return n;
    if (id >= 0 && n < max)
        out[n++] = id;
    return n;
}

int32_t supervise_stops(const struct supervise *s, const int32_t *more, int32_t n_more,
                        int32_t *out, int32_t max)
{
    struct buf end = BUF_MAX(256);
    int32_t n = 0;
    if (chat_template_end(s->chat, s->tokenizer, &end))
        n = add_stop(tokenizer_id(s->tokenizer, buf_view(&end)), out, n, max);
    for (int32_t i = 0; i < n_more; i++)
        n = add_stop(more[i], out, n, max);
    n = add_stop(tokenizer_eos(s->tokenizer), out, n, max);
    buf_free(&end);
    return n;
}
