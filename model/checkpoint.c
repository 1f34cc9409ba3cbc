#include "model/checkpoint.h"

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "model/int8.h"
#include "model/peft.h"
#include "model/safetensors.h"
#include "model/transformer.h"

#include <string.h>

enum { PIECE = 1 << 18, MAX_SIDE_FILE = 64 << 20 };

/* What goes along with a model: everything a tokenizer needs. */
static const char *const side_files[] = {
    "tokenizer.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "added_tokens.json",
    "tokenizer.model",
    "chat_template.jinja",
    NULL,
};

/* Rows in pieces, so that no second copy of a large matrix is made. */
static int put_rows(struct model *m, struct tensor t, struct safetensors_writer *w,
                    struct error *error)
{
    const int64_t step = t.cols >= PIECE ? 1 : PIECE / t.cols;
    float *host = mem_alloc((size_t)(step * t.cols) * sizeof *host);
    int status = 0;
    for (int64_t row = 0; row < t.rows && status == 0; row += step) {
        const struct tensor some = tensor_rows(t, row, t.rows - row < step ? t.rows - row : step);
        m->ops->download(m->b, some, host, DTYPE_F32);
        status = m->ops->sync(m->b, error);
        if (status == 0)
            status = safetensors_put(w, host, (size_t)tensor_count(some), error);
    }
    mem_free(host);
    return status;
}

static int put_tensor(struct model *m, struct tensor t, bool transposed,
                      struct safetensors_writer *w, struct error *error)
{
    const size_t n = (size_t)tensor_count(t);
    float *host;
    int status;
    if (!transposed)
        return put_rows(m, t, w, error);
    host = mem_alloc(n * sizeof *host);
    transformer_download(m, t, true, host);
    status = m->ops->sync(m->b, error);
    if (status == 0)
        status = safetensors_put(w, host, n, error);
    mem_free(host);
    return status;
}

/* A matrix in 8 bits and its scales. */
static int put_rounded(struct model *m, struct tensor t, bool transposed,
                       struct safetensors_writer *w, struct error *error)
{
    const size_t rows = (size_t)t.rows, cols = (size_t)t.cols;
    float *host = mem_alloc(rows * cols * sizeof *host), *scales = mem_alloc(rows * sizeof *scales);
    int8_t *q = mem_alloc(rows * cols), *row = mem_alloc(cols);
    int status;
    m->ops->download(m->b, t, host, DTYPE_F32);
    status = m->ops->sync(m->b, error);
    for (size_t i = 0; i < rows && status == 0; i++) {
        scales[i] = int8_round(row, host + i * cols, cols);
        for (size_t k = 0; k < cols; k++)
            q[transposed ? k * rows + i : i * cols + k] = row[k];
    }
    if (status == 0)
        status = safetensors_put_bytes(w, q, rows * cols, error);
    if (status == 0)
        status = safetensors_put(w, scales, rows, error);
    mem_free(host);
    mem_free(scales);
    mem_free(q);
    mem_free(row);
    return status;
}

/* Where a tensor goes, and as what. */
struct place {
    struct safetensors_writer *w;
    const struct layout_unit *unit;
    bool rounded; /* 8 bits */
};

static int put_as(struct model *m, struct tensor t, const struct place *p, struct error *error)
{
    return p->rounded ? put_rounded(m, t, p->unit->transposed, p->w, error)
                      : put_tensor(m, t, p->unit->transposed, p->w, error);
}

/* Base plus adapter, in fp32, rounded once by the writer. */
static int put_merged(struct model *m, const struct layout_part *part, struct tensor value,
                      const struct place *p, struct error *error)
{
    const int64_t n = tensor_count(value);
    struct tensor block = backend_block(m->b, n, "merging the adapter", error), sum;
    int status;
    if (!tensor_present(block))
        return -1;
    sum = tensor_reshape(block, value.rows, value.cols);
    m->ops->copy(m->b, sum, value);
    adapter_add(m, p->unit, part, sum);
    status = put_as(m, sum, p, error);
    m->ops->release(m->b, block.data);
    return status;
}

/* What becomes a file of tensors. */
struct contents {
    const char *name;
    enum dtype type;
    bool adapter; /* the adapter alone; else the base with it */
};

static bool is_rounded(const struct contents *c, const struct layout_unit *u)
{
    return c->type == DTYPE_I8 && u->layer >= 0 && u->dims == 2;
}

/* Every parameter of the wanted kind, in order. */
static int put_all(struct model *m, const struct contents *c, struct safetensors_writer *w,
                   struct error *error)
{
    size_t index = 0;
    int status = 0;
    for (size_t i = 0; i < m->layout.n_units && status == 0; i++) {
        const struct layout_unit *u = &m->layout.units[i];
        const struct place place = {w, u, is_rounded(c, u)};
        for (int k = 0; k < u->n_parts && status == 0; k++, index++) {
            const struct model_parameter x = model_parameter(m, index);
            if (u->adapter != c->adapter)
                continue;
            if (!c->adapter && adapter_covers(m, u, &u->parts[k]))
                status = put_merged(m, &u->parts[k], x.value, &place, error);
            else
                status = put_as(m, x.value, &place, error);
        }
    }
    return status;
}

/* The tensors of the file, a scale behind each that is in 8 bits; names hold those of scales. */
static size_t list_specs(const struct model *m, const struct contents *c,
                         struct safetensors_spec *specs, struct buf *names)
{
    const enum dtype plain = c->type == DTYPE_I8 ? DTYPE_BF16 : c->type;
    size_t n = 0, index = 0;
    for (size_t i = 0; i < m->layout.n_units; i++) {
        const struct layout_unit *u = &m->layout.units[i];
        for (int k = 0; k < u->n_parts; k++, index++) {
            const struct model_parameter x = model_parameter(m, index);
            if (x.adapter != c->adapter)
                continue;
            specs[n++] = (struct safetensors_spec){x.name,
                                                   is_rounded(c, u) ? DTYPE_I8 : plain,
                                                   x.dims,
                                                   {x.shape[0], x.shape[1]}};
            if (is_rounded(c, u)) {
                specs[n++] = (struct safetensors_spec){NULL, DTYPE_F32, 2, {u->parts[k].rows, 1}};
                buf_printf(names, "%s_scale", x.name);
                buf_char(names, 0);
            }
        }
    }
    return n;
}

static int write_tensors(struct model *m, const char *dir, const struct contents *c,
                         struct error *error)
{
    struct safetensors_spec *specs = mem_zero(2 * m->layout.n_parts, sizeof *specs);
    struct buf names = BUF;
    char *path = file_join(dir, c->name);
    const size_t n = list_specs(m, c, specs, &names);
    struct safetensors_writer *w;
    const char *at = buf_text(&names);
    int status = -1;
    for (size_t i = 0; i < n; i++) {
        if (specs[i].name != NULL)
            continue;
        specs[i].name = at;
        at += strlen(at) + 1;
    }
    w = safetensors_create(path, specs, n, error);
    if (w != NULL) {
        status = put_all(m, c, w, error);
        if (status == 0)
            status = safetensors_commit(w, error);
        else
            safetensors_abort(w);
    }
    buf_free(&names);
    mem_free(specs);
    mem_free(path);
    return status;
}

static int write_text(const char *dir, const char *name, const struct buf *text,
                      struct error *error)
{
    char *path = file_join(dir, name);
    const int status = file_replace(path, buf_view(text), error);
    mem_free(path);
    return status;
}

static int write_json(const char *dir, const char *name, const struct json *j, struct error *error)
{
    struct buf text = BUF_MAX(MAX_SIDE_FILE);
    int status = json_write(j, JSON_PRETTY, &text);
    status = status != 0 ? error_set(error, ERROR_LIMIT, "%s/%s is too large", dir, name)
                         : write_text(dir, name, &text, error);
    buf_free(&text);
    return status;
}

/* The JSON file of a folder as a tree to change; an empty object where there is none. */
static struct json *read_json(const char *dir, const char *name, bool *found, struct error *error)
{
    struct buf text = BUF_MAX(MAX_SIDE_FILE);
    struct json *j = NULL;
    char *path = dir != NULL ? file_join(dir, name) : NULL;
    *found = path != NULL && file_exists(path);
    if (!*found) {
        j = json_new_object();
    } else if (file_read(path, &text, error) == 0) {
        j = json_parse(buf_view(&text), 0, error);
        if (j == NULL)
            error_wrap(error, "%s", path);
    }
    buf_free(&text);
    mem_free(path);
    return j;
}

static int write_generation(const struct model *m, const char *dir,
                            const struct checkpoint_options *o, struct error *error)
{
    const struct model_config *c = &m->config;
    const int32_t *stops = o->stops != NULL ? o->stops : c->eos;
    const int32_t n = o->stops != NULL ? o->n_stops : c->n_eos;
    bool found;
    struct json *j = read_json(o->copy_from, "generation_config.json", &found, error);
    int status;
    if (j == NULL)
        return -1;
    if (n == 1) {
        json_put_integer(j, "eos_token_id", stops[0]);
    } else if (n > 1) {
        struct json *list = json_new_array();
        for (int32_t i = 0; i < n; i++)
            json_push(list, json_new_integer(stops[i]));
        json_put(j, "eos_token_id", list);
    }
    if (c->bos >= 0)
        json_put_integer(j, "bos_token_id", c->bos);
    if (c->pad >= 0)
        json_put_integer(j, "pad_token_id", c->pad);
    status = write_json(dir, "generation_config.json", j, error);
    json_free(j);
    return status;
}

/* transformers 5 rebuilds a LlamaTokenizer instead of reading tokenizer.json, and changes ids;
 * the generic class reads what is written. */
static int write_tokenizer_config(const char *dir, const struct checkpoint_options *o,
                                  struct error *error)
{
    bool found;
    struct json *j = read_json(o->copy_from, "tokenizer_config.json", &found, error);
    const char *class = json_text(json_get(j, "tokenizer_class"), "");
    int status = 0;
    if (j == NULL)
        return -1;
    if (strncmp(class, "LlamaTokenizer", 14) == 0 || !found)
        json_put_text(j, "tokenizer_class", "PreTrainedTokenizerFast");
    if (o->chat_template != NULL)
        json_put_text(j, "chat_template", o->chat_template);
    if (found || o->chat_template != NULL)
        status = write_json(dir, "tokenizer_config.json", j, error);
    json_free(j);
    return status;
}

static int copy_side_files(const char *dir, const struct checkpoint_options *o, struct error *error)
{
    int status = 0;
    for (size_t i = 0; side_files[i] != NULL && status == 0; i++) {
        char *from = file_join(o->copy_from, side_files[i]);
        struct buf text = BUF_MAX(MAX_SIDE_FILE);
        const bool replaced = o->chat_template != NULL && strstr(side_files[i], "jinja") != NULL;
        if (file_exists(from) && !replaced) {
            status = file_read(from, &text, error);
            if (status == 0)
                status = write_text(dir, side_files[i], &text, error);
        }
        buf_free(&text);
        mem_free(from);
    }
    return status;
}

static int write_side_files(const char *dir, const struct checkpoint_options *o,
                            struct error *error)
{
    if (o->copy_from == NULL)
        return 0;
    if (copy_side_files(dir, o, error) != 0)
        return -1;
    return write_tokenizer_config(dir, o, error);
}

static int write_config(const struct model *m, const char *dir, enum dtype type,
                        struct error *error)
{
    struct buf text = BUF_MAX(MAX_SIDE_FILE);
    int status = config_write(&m->config, type, &text);
    status = status != 0 ? error_set(error, ERROR_LIMIT, "%s/config.json is too large", dir)
                         : write_text(dir, "config.json", &text, error);
    buf_free(&text);
    return status;
}

int checkpoint_write(struct model *m, const char *dir, const struct checkpoint_options *options,
                     struct error *error)
{
    const struct contents model = {"model.safetensors", options->type, false};
    if (file_make_dir(dir, error) != 0 || write_side_files(dir, options, error) != 0 ||
        (!m->config.encoder && write_generation(m, dir, options, error) != 0) ||
        write_tensors(m, dir, &model, error) != 0)
        return -1;
    return write_config(m, dir, options->type, error);
}

int checkpoint_write_adapter(struct model *m, const char *dir,
                             const struct checkpoint_options *options, struct error *error)
{
    const struct contents adapter = {"adapter_model.safetensors", options->type, true};
    struct json *j;
    int status;
    if (model_lora(m) == NULL)
        return error_set(error, ERROR_USAGE, "%s: this model has no adapter to write", dir);
    if (file_make_dir(dir, error) != 0 || write_side_files(dir, options, error) != 0 ||
        write_tensors(m, dir, &adapter, error) != 0)
        return -1;
    j = peft_config(model_config(m), model_lora(m), options->base);
    status = write_json(dir, "adapter_config.json", j, error);
    json_free(j);
    return status;
}
