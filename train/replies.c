#include "train/replies.h"

#include "core/mem.h"
#include "model/generate.h"

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

int replies_add(const struct replies *r, struct model *m, uint32_t i, struct json *array,
                struct error *error)
{
    const struct example *x = &r->examples->items[i];
    const int32_t *ids = r->examples->ids + x->first;
    uint32_t prompt = prompt_length(r->examples, x);
    struct generator_options options = {1, (int32_t)prompt + r->max_tokens};
    struct generate_request request = {.prompt = ids,
                                       .n = (int32_t)prompt,
                                       .sampling = SAMPLING_GREEDY,
                                       .stops = r->stops,
                                       .n_stops = r->n_stops};
    int32_t positions = model_config(m)->positions, n = -1;
    int32_t *out = mem_alloc((size_t)r->max_tokens * sizeof *out);
    struct generator *g;
    if (positions > 0 && options.capacity > positions)
        options.capacity = positions;
    g = generator_new(m, &options, error);
    if (g != NULL)
        n = generate_ids(g, &request, out, r->max_tokens, error);
    if (n >= 0) {
        struct json *o = json_new_object();
        json_put_integer(o, "sample", x->sample);
        put_decoded(r, o, "prompt", ids, prompt);
        put_decoded(r, o, "reply", out, (size_t)n);
        put_decoded(r, o, "wanted", ids + prompt, x->length - prompt);
        json_push(array, o);
    }
    mem_free(out);
    generator_free(g);
    return n >= 0 ? 0 : -1;
}
