#include "train/replies.h"

#include "core/mem.h"

#include <string.h>

/* Where the last reply of an example begins: behind its last unsupervised token. */
static uint32_t prompt_length(const struct examples *e, const struct example *x)
{
    uint32_t n = x->length;
    while (n > 1 && e->mask[x->first + n - 1])
        n--;
    return n;
}

static void put_decoded(const struct replies *r, struct json *o, const char *key,
                        const int32_t *ids, size_t n)
{
    struct buf text = BUF;
    tokenizer_decode(r->tokenizer, ids, n, TOKENIZER_SKIP_SPECIAL, &text);
    json_put_string(o, key, slice_trim(buf_view(&text)));
    buf_free(&text);
}

static bool is_stop(const struct replies *r, int32_t id)
{
    for (int32_t i = 0; i < r->n_stops; i++)
        if (r->stops[i] == id)
            return true;
    return false;
}

/* Greedy decoding by whole passes: a few short replies, seldom.  Returns how many ids. */
static int32_t write_reply(const struct replies *r, struct model *m, int32_t *ids, int32_t n,
                           struct error *error)
{
    int32_t vocab = model_config(m)->vocab, first = n;
    float *logits = mem_alloc((size_t)vocab * sizeof *logits);
    int status = 0;
    while (n - first < r->max_tokens) {
        const int32_t starts[2] = {0, n}, last = n - 1;
        const struct batch batch = {.ids = ids, .starts = starts, .tokens = n, .segments = 1};
        int32_t best = 0;
        status = model_logits(m, &batch, &last, 1, logits, error);
        if (status != 0)
            break;
        for (int32_t i = 1; i < vocab; i++)
            if (logits[i] > logits[best])
                best = i;
        if (is_stop(r, best))
            break;
        ids[n++] = best;
    }
    mem_free(logits);
    return status == 0 ? n - first : -1;
}

int replies_add(const struct replies *r, struct model *m, uint32_t i, struct json *array,
                struct error *error)
{
    const struct example *x = &r->examples->items[i];
    const int32_t *ids = r->examples->ids + x->first;
    uint32_t prompt = prompt_length(r->examples, x);
    int32_t *out = mem_alloc((prompt + (size_t)r->max_tokens) * sizeof *out);
    int32_t n;
    memcpy(out, ids, prompt * sizeof *out);
    n = write_reply(r, m, out, (int32_t)prompt, error);
    if (n >= 0) {
        struct json *o = json_new_object();
        json_put_integer(o, "sample", x->sample);
        put_decoded(r, o, "prompt", ids, prompt);
        put_decoded(r, o, "reply", out + prompt, (size_t)n);
        put_decoded(r, o, "wanted", ids + prompt, x->length - prompt);
        json_push(array, o);
    }
    mem_free(out);
    return n >= 0 ? 0 : -1;
}
