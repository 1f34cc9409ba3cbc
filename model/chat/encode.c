/* A render to ids and a loss mask. */
#include "model/chat.h"

#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

void chat_tokens_clear(struct chat_tokens *v)
{
    tokens_clear(&v->tokens);
    v->supervised = 0;
}

void chat_tokens_free(struct chat_tokens *v)
{
    tokens_free(&v->tokens);
    mem_free(v->mask);
    *v = CHAT_TOKENS;
}

/* Is the span to be learned? */
static bool learned(const struct chat_render *r, const struct chat_span *s, unsigned flags)
{
    if (!s->supervised)
        return false;
    return (flags & CHAT_LAST_REPLY_ONLY) == 0 ||
           s->begin >= r->replies[r->n_replies - 1].supervised_begin;
}

/* The spans as the tokenizer takes them: cut at every edge of what is supervised. */
static void to_spans(const struct chat_render *r, unsigned flags, struct tokenizer_span *out)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct chat_span *s = &r->spans[i];
        bool before = i > 0 && r->spans[i - 1].supervised;
        unsigned added =
            (flags & CHAT_PARSE_ADDED) != 0 && s->supervised ? TOKENIZER_PARSE_ADDED : 0;
        out[i] = (struct tokenizer_span){
            .begin = s->begin,
            .end = s->end,
            .parse =
                s->kind == CHAT_CONTROL ? (unsigned)(TOKENIZER_PARSE | TOKENIZER_LITERAL) : added,
            .cut = s->supervised != before,
        };
    }
}

int chat_encode(const struct tokenizer *t, struct tokenizer_scratch *s, const struct chat_render *r,
                unsigned flags, struct chat_tokens *out, struct error *error)
{
    size_t first = out->tokens.n, n;
    struct tokenizer_span *spans = mem_alloc(r->n * sizeof *spans);
    size_t *starts = mem_alloc((r->n + 1) * sizeof *starts);
    struct tokenizer_text text = {buf_view(&r->text), spans, r->n, 0};
    int rc;
    to_spans(r, flags, spans);
    rc = tokenizer_encode_spans(t, s, &text, starts, &out->tokens, error);
    n = out->tokens.n;
    if (rc == 0) {
        out->mask = vec_reserve(out->mask, &out->mask_cap, n + 1, 1);
        memset(out->mask + first, 0, n - first);
        starts[r->n] = n;
    }
    for (size_t i = 0; rc == 0 && i < r->n; i++) {
        size_t k = i + 1;
        if (!learned(r, &r->spans[i], flags) || !spans[i].cut)
            continue;
        while (k < r->n && !spans[k].cut)
            k++;
        memset(out->mask + starts[i], 1, starts[k] - starts[i]);
        out->supervised += starts[k] - starts[i];
    }
    mem_free(spans);
    mem_free(starts);
    return rc;
}
