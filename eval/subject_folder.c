/* A subject that is a model folder here: opening it. */
#include "eval/folder.h"

#include "core/file.h"
#include "core/mem.h"
#include "model/checkpoint.h"
#include "model/digest.h"
#include "model/safetensors.h"

/* The folder that an adapter's adapter_config.json names as its base, allocated. */
static char *adapter_base(const char *dir, struct error *error)
{
    char *path = file_join(dir, "adapter_config.json"), *base = NULL;
    struct buf text = BUF_MAX(1 << 20);
    struct json *o =
        file_read(path, &text, error) == 0 ? json_parse(buf_view(&text), 0, error) : NULL;
    const char *name = json_text(json_get(o, "base_model_name_or_path"), NULL);
    if (name != NULL)
        base = mem_strdup(name);
    else if (o != NULL)
        error_set(error, ERROR_INPUT, "%s: names no base_model_name_or_path", path);
    json_free(o);
    buf_free(&text);
    mem_free(path);
    return base;
}

static struct model *load_adapted(const char *dir, struct model_options *options,
                                  struct error *error)
{
    char *base = adapter_base(dir, error);
    struct model *m = NULL;
    options->method = MODEL_LORA;
    if (base != NULL && checkpoint_adapter_config(dir, &options->lora, error) == 0)
        m = model_load(base, options, error);
    if (m != NULL && checkpoint_read_adapter(m, dir, error) != 0) {
        model_free(m);
        m = NULL;
    }
    mem_free(base);
    return m;
}

static bool has_file(const char *dir, const char *name)
{
    char *path = file_join(dir, name);
    bool there = file_exists(path);
    mem_free(path);
    return there;
}

static struct model *load(const struct subject_spec *spec, const struct subject_how *how,
                          struct error *error)
{
    const char *dir = spec->folder;
    struct model_options options = {.pool = how->pool,
                                    .method = MODEL_FROZEN,
                                    .frozen_type = spec->int8 ? DTYPE_I8 : DTYPE_F32,
                                    .keep_bf16 = true,
                                    .seed = how->seed};
    if (!has_file(dir, "config.json") && has_file(dir, "adapter_config.json"))
        return load_adapted(dir, &options, error);
    return model_load(dir, &options, error);
}

static struct chat_template *find_template(const char *dir, const struct subject_how *how,
                                           struct error *error)
{
    struct chat_template *c;
    if (how->template_name != NULL)
        return chat_template_named(how->template_name, error);
    c = chat_template_load(dir, how->template_other != NULL ? NULL : error);
    return c != NULL || how->template_other == NULL
               ? c
               : chat_template_named(how->template_other, error);
}

static int identify(struct folder *f, const char *dir, struct error *error)
{
    struct slice source;
    if (digest_folder(dir, true, &f->subject.identity, error) != 0)
        return -1;
    source = chat_template_source(f->chat);
    f->subject.identity = hash128_add(f->subject.identity, source.data, source.len);
    source = slice_of(tokenizer_digest(f->tokenizer));
    f->subject.identity = hash128_add(f->subject.identity, source.data, source.len);
    return 0;
}

static void folder_close(struct subject *s)
{
    struct folder *f = (struct folder *)s;
    if (f->worker.scratch != NULL)
        supervise_worker_close(&f->worker);
    supervise_close(&f->supervise);
    chat_tokens_free(&f->tokens);
    chat_template_free(f->chat);
    tokenizer_free(f->tokenizer);
    model_free(f->model);
    mem_free(f);
}

static const struct subject_ops ops = {
    .kind = "folder",
    .ask = folder_ask,
    .likelihood = folder_likelihood,
    .measure = folder_measure,
    .close = folder_close,
};

struct subject *subject_folder(const struct subject_spec *spec, const struct subject_how *how,
                               struct error *error)
{
    struct folder *f = mem_zero(1, sizeof *f);
    const char *dir = spec->folder;
    const struct model_config *c;
    f->subject.ops = &ops;
    f->tokens = CHAT_TOKENS;
    if (!file_is_dir(dir)) {
        error_set(error, ERROR_INPUT, "%s: no such folder", dir);
        goto fail;
    }
    if ((f->tokenizer = tokenizer_load(dir, error)) == NULL ||
        (f->chat = find_template(dir, how, error)) == NULL ||
        (f->model = load(spec, how, error)) == NULL || identify(f, dir, error) != 0)
        goto fail;
    if (spec->int8)
        f->subject.identity = hash128_add(f->subject.identity, "int8", 4);
    c = model_config(f->model);
    f->stored = safetensors_bytes(dir);
    supervise_open(&f->supervise, f->tokenizer, f->chat);
    supervise_worker_open(&f->worker, &f->supervise);
    f->supervise.last_reply_only = how->last_reply_only;
    f->supervise.max_length = how->max_length;
    if (c->positions > 0 && (uint32_t)c->positions < how->max_length)
        f->supervise.max_length = (uint32_t)c->positions;
    f->n_stops = supervise_stops(&f->supervise, c->eos, c->n_eos, f->stops, FOLDER_STOPS);
    return &f->subject;
fail:
    folder_close(&f->subject);
    return NULL;
}
