#include "serve/loaded.h"

#include <string.h>

static void add_stop(struct loaded *l, int32_t id)
{
    for (int32_t i = 0; i < l->n_stops; i++)
        if (l->stops[i] == id)
            return;
    if (id >= 0 && l->n_stops < LOADED_STOPS_MAX)
        l->stops[l->n_stops++] = id;
}

static void find_stops(struct loaded *l)
{
    const struct model_config *config = model_config(l->model);
    struct buf end = BUF;
    for (int32_t i = 0; i < config->n_eos; i++)
        add_stop(l, config->eos[i]);
    add_stop(l, tokenizer_eos(l->tokenizer));
    if (l->chat != NULL && chat_template_end(l->chat, l->tokenizer, &end))
        add_stop(l, tokenizer_id(l->tokenizer, slice_trim(buf_view(&end))));
    buf_free(&end);
}

static const char *literal_of(const struct tokenizer *t, int32_t id, struct buf *out)
{
    if (id < 0)
        return NULL;
    buf_slice(out, tokenizer_piece(t, id));
    return buf_text(out);
}

int loaded_open(struct loaded *l, const struct loaded_how *how, struct error *error)
{
    struct model_options options = {.method = MODEL_FROZEN};
    *l = (struct loaded){.bos_text = BUF, .eos_text = BUF};
    options.frozen_type = how->int8 ? DTYPE_I8 : DTYPE_F32;
    options.keep_bf16 = true;
    l->pool = options.pool = pool_new(how->threads);
    l->tokenizer = tokenizer_load(how->dir, error);
    l->model = l->tokenizer != NULL ? model_load(how->dir, &options, error) : NULL;
    if (l->model == NULL)
        return -1;
    if (tokenizer_size(l->tokenizer) > model_config(l->model)->vocab)
        return error_set(error, ERROR_INPUT,
                         "%s: the tokenizer has %d tokens and the model %d; they do not belong "
                         "together",
                         how->dir, tokenizer_size(l->tokenizer), model_config(l->model)->vocab);
    l->chat = how->template != NULL ? chat_template_named(how->template, error)
                                    : chat_template_load(how->dir, NULL);
    if (how->template != NULL && l->chat == NULL)
        return -1;
    l->scratch = tokenizer_scratch_new(l->tokenizer);
    l->bos = literal_of(l->tokenizer, tokenizer_bos(l->tokenizer), &l->bos_text);
    l->eos = literal_of(l->tokenizer, tokenizer_eos(l->tokenizer), &l->eos_text);
    find_stops(l);
    return 0;
}

int32_t loaded_context(const struct loaded *l, int wanted)
{
    const int32_t positions = model_config(l->model)->positions;
    const int32_t context = wanted > 0 ? wanted : LOADED_CONTEXT;
    return context > positions ? positions : context;
}

void loaded_close(struct loaded *l)
{
    tokenizer_scratch_free(l->scratch);
    chat_template_free(l->chat);
    tokenizer_free(l->tokenizer);
    model_free(l->model);
    pool_free(l->pool);
    buf_free(&l->bos_text);
    buf_free(&l->eos_text);
}
