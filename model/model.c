/* A model's parameters: blocks, names, values in and out. */
#include "model/model.h"

#include "core/mem.h"
#include "model/model_fill.h"
#include "model/safetensors.h"
#include "model/transformer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int check_options(const struct model_options *o, struct error *error)
{
    const struct lora_config *l = &o->lora;
    if (o->method != MODEL_LORA)
        return 0;
    if (l->rank < 1 || l->rank > 1024)
        return error_set(error, ERROR_USAGE, "LoRA rank %d: expected 1 to 1024", (int)l->rank);
    if ((l->targets & LORA_ALL) == 0)
        return error_set(error, ERROR_USAGE,
                         "LoRA without targets trains nothing; name some of "
                         "q, k, v, o, gate, up, down");
    if (!(l->dropout >= 0 && l->dropout < 1) || !isfinite(l->alpha))
        return error_set(error, ERROR_USAGE, "LoRA dropout %g or alpha %g is out of range",
                         l->dropout, l->alpha);
    return 0;
}

static int check_encoder(const struct model *m, struct error *error)
{
    if (m->config.encoder && m->options.method == MODEL_LORA)
        return error_set(error, ERROR_USAGE,
                         "an encoder is trained whole: set train.method to \"full\"");
    return 0;
}

static void release(struct model *m, struct tensor t)
{
    if (tensor_present(t))
        m->ops->release(m->b, t.data);
}

static int make_block(struct model *m, struct tensor *block, int64_t n, const char *what,
                      struct error *error)
{
    if (n == 0)
        return 0;
    *block = backend_block(m->b, n, what, error);
    return tensor_present(*block) ? 0 : -1;
}

/* Frozen matrices: in the backend's type, or as BF16 or I8 in less memory. */
static int make_frozen(struct model *m, struct error *error)
{
    const int64_t n = m->layout.frozen, bytes = m->layout.rounded;
    void *data;
    if (bytes > 0) {
        m->blocks.rounded = m->ops->alloc(m->b, (size_t)bytes, "the parameters in 8 bits", error);
        if (m->blocks.rounded == NULL)
            return -1;
    }
    if (m->options.frozen_type == DTYPE_F32 || n == 0)
        return make_block(m, &m->blocks.frozen, n, "the frozen parameters", error);
    data = m->ops->alloc(m->b, (size_t)n * dtype_size(DTYPE_BF16), "the frozen parameters", error);
    m->blocks.frozen = tensor_of(data, DTYPE_BF16, 1, n);
    return data != NULL ? 0 : -1;
}

int model_place_gradients(struct model *m, int64_t prefix, struct error *error)
{
    const int64_t n = m->layout.values;
    if (n > 0 && m->gradient_block.cols != prefix + n) {
        release(m, m->gradient_block);
        m->gradient_block = m->blocks.gradients = TENSOR_ABSENT;
        if (make_block(m, &m->gradient_block, prefix + n, "the gradients", error) != 0)
            return -1;
        m->blocks.gradients = tensor_cols(m->gradient_block, prefix, n);
        m->blocks.gradients.stride = n;
        m->fresh = true; /* only then: a larger workspace in the middle of a step keeps the sums */
    }
    layout_bind(&m->layout, &m->blocks);
    return 0;
}

/* Blocks of the right sizes, every unit bound; values are zero. */
static int build(struct model *m, struct error *error)
{
    const struct lora_config *l = &m->options.lora;
    m->p.layers = mem_zero((size_t)m->config.layers, sizeof *m->p.layers);
    layout_make(&m->layout, &m->p, &m->config, &m->options);
    if (layout_check_freeze(&m->layout, &m->options, error) != 0)
        return -1;
    if (m->options.method == MODEL_LORA)
        m->lora_scale = l->alpha / (l->rslora ? sqrt(l->rank) : l->rank);
    if (make_frozen(m, error) != 0 ||
        make_block(m, &m->blocks.plain, m->layout.plain, "the frozen vectors", error) != 0 ||
        make_block(m, &m->blocks.values, m->layout.values, "the parameters", error) != 0 ||
        model_place_gradients(m, 0, error) != 0)
        return -1;
    return 0;
}

/* Does the file have every matrix as BF16? */
static bool all_bf16(const struct safetensors *file)
{
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const struct safetensors_entry *e = safetensors_at(file, i);
        if (e->dims == 2 && strcmp(e->type, "BF16") != 0)
            return false;
    }
    return true;
}

/* Takes the config. */
static struct model *new_model(struct model_config *config, const struct model_options *options,
                               struct error *error)
{
    struct model *m = mem_zero(1, sizeof *m);
    m->config = *config;
    memset(config, 0, sizeof *config);
    m->options = *options;
    if (m->config.int8 && m->options.method != MODEL_FULL)
        m->options.frozen_type = DTYPE_I8;
    m->ops = options->backend != NULL ? options->backend : &backend_cpu;
    if (m->config.encoder && options->head != HEAD_NONE)
        config_set_head(&m->config, options->head, options->classes, options->n_classes);
    if (check_encoder(m, error) != 0 || check_options(options, error) != 0 ||
        (m->b = m->ops->open(options->pool, error)) == NULL || build(m, error) != 0) {
        model_free(m);
        return NULL;
    }
    return m;
}

/* Zeros that stay: of matrices of layers that learn. */
static int make_mask(struct model *m, struct error *error)
{
    const size_t n = (size_t)m->layout.values;
    float *host;
    if (!m->options.hold_zeros || m->options.method != MODEL_FULL || n == 0)
        return 0;
    if (make_block(m, &m->mask, (int64_t)n, "the mask of pruned weights", error) != 0 ||
        (host = mem_try(n * sizeof *host, "the mask of pruned weights", error)) == NULL)
        return -1;
    m->ops->download(m->b, m->blocks.values, host, DTYPE_F32);
    for (size_t i = 0; i < m->layout.n_units; i++) {
        const struct layout_unit *u = &m->layout.units[i];
        for (int64_t k = 0; u->trainable && k < u->rows * u->cols; k++) {
            float *x = &host[u->offset + k];
            *x = u->layer >= 0 && u->dims == 2 && *x == 0 ? 0 : 1;
        }
    }
    m->ops->upload(m->b, m->mask, host, DTYPE_F32);
    mem_free(host);
    return m->ops->sync(m->b, error);
}

struct model *model_load(const char *dir, const struct model_options *options, struct error *error)
{
    struct model_options o = *options;
    struct model_config config;
    struct safetensors *file;
    struct model *m = NULL;
    if (config_read(&config, dir, error) != 0)
        return NULL;
    file = safetensors_open_dir(dir, error);
    if (file != NULL && o.keep_bf16 && o.method == MODEL_FROZEN && o.frozen_type == DTYPE_F32 &&
        all_bf16(file))
        o.frozen_type = DTYPE_BF16;
    if (file != NULL)
        m = new_model(&config, &o, error);
    if (m != NULL && model_fill_from(m, file, error) != 0) {
        error_wrap(error, "%s", dir);
        model_free(m);
        m = NULL;
    }
    if (m != NULL)
        model_fill_random(m, true);
    if (m != NULL && make_mask(m, error) != 0) {
        model_free(m);
        m = NULL;
    }
    safetensors_close(file);
    config_clear(&config);
    return m;
}

struct model *model_random(const struct model_config *config, const struct model_options *options,
                           struct error *error)
{
    struct model_config copy = config_copy(config);
    struct model *m = new_model(&copy, options, error);
    config_clear(&copy);
    if (m != NULL)
        model_fill_random(m, false);
    return m;
}

void model_free(struct model *m)
{
    if (m == NULL)
        return;
    if (m->b != NULL) {
        workspace_clear(m);
        release(m, m->blocks.frozen);
        if (m->blocks.rounded != NULL)
            m->ops->release(m->b, m->blocks.rounded);
        release(m, m->blocks.plain);
        release(m, m->blocks.values);
        release(m, m->gradient_block);
        release(m, m->mask);
        release(m, m->rope);
        m->ops->close(m->b);
    }
    layout_clear(&m->layout);
    mem_free(m->p.layers);
    config_clear(&m->config);
    mem_free(m);
}

const struct model_config *model_config(const struct model *m)
{
    return &m->config;
}

struct backend *model_backend(struct model *m)
{
    return m->b;
}

size_t model_parameter_count(const struct model *m)
{
    return m->layout.n_parts;
}

/* The unit and part behind a parameter's index. */
static const struct layout_unit *locate(const struct model *m, size_t index, int *part)
{
    const struct layout_unit *u = m->layout.units;
    while (index >= (size_t)u->n_parts) {
        index -= (size_t)u->n_parts;
        u++;
    }
    *part = (int)index;
    return u;
}

static struct tensor part_view(struct tensor whole, const struct layout_unit *u,
                               const struct layout_part *p)
{
    if (!tensor_present(whole))
        return whole;
    return u->dims == 2 ? tensor_rows(whole, p->first, p->rows)
                        : tensor_cols(whole, p->first, p->rows);
}

struct model_parameter model_parameter(const struct model *m, size_t index)
{
    int k = 0;
    const struct layout_unit *u = locate(m, index, &k);
    const struct layout_part *p = &u->parts[k];
    struct model_parameter out = {.name = p->name,
                                  .value = part_view(u->slot->value, u, p),
                                  .gradient = part_view(u->slot->gradient, u, p),
                                  .shape = {p->rows, u->dims == 2 ? u->cols : 1},
                                  .dims = u->dims,
                                  .trainable = u->trainable,
                                  .decayed = u->decayed,
                                  .adapter = u->adapter,
                                  .transposed = u->transposed};
    if (u->transposed) {
        out.shape[0] = u->cols;
        out.shape[1] = p->rows;
    }
    return out;
}

int64_t model_parameter_find(const struct model *m, const char *name)
{
    int64_t index = 0;
    for (size_t i = 0; i < m->layout.n_units; i++)
        for (int k = 0; k < m->layout.units[i].n_parts; k++, index++)
            if (strcmp(m->layout.units[i].parts[k].name, name) == 0)
                return index;
    return -1;
}

void transformer_download(struct model *m, struct tensor t, bool transposed, float *host)
{
    float *rows;
    if (!transposed) {
        m->ops->download(m->b, t, host, DTYPE_F32);
        return;
    }
    rows = mem_alloc((size_t)tensor_count(t) * sizeof *rows);
    m->ops->download(m->b, t, rows, DTYPE_F32);
    for (int64_t i = 0; i < t.rows; i++)
        for (int64_t j = 0; j < t.cols; j++)
            host[j * t.rows + i] = rows[i * t.cols + j];
    mem_free(rows);
}

void model_parameter_get(struct model *m, size_t index, float *host)
{
    const struct model_parameter p = model_parameter(m, index);
    transformer_download(m, p.value, p.transposed, host);
}

void model_parameter_gradient(struct model *m, size_t index, float *host)
{
    const struct model_parameter p = model_parameter(m, index);
    transformer_download(m, p.gradient, p.transposed, host);
}

int model_parameter_set(struct model *m, size_t index, const float *host, struct error *error)
{
    const struct model_parameter p = model_parameter(m, index);
    const struct tensor t = p.value;
    float *rows;
    for (int64_t i = 0; i < tensor_count(t); i++)
        if (!isfinite(host[i]))
            return error_set(error, ERROR_INPUT, "%s holds %s at element %lld", p.name,
                             isnan(host[i]) ? "NaN" : "infinity", (long long)i);
    if (!p.transposed) {
        m->ops->upload(m->b, t, host, DTYPE_F32);
        return 0;
    }
    rows = mem_alloc((size_t)tensor_count(t) * sizeof *rows);
    for (int64_t i = 0; i < t.rows; i++)
        for (int64_t j = 0; j < t.cols; j++)
            rows[i * t.cols + j] = host[j * t.rows + i];
    m->ops->upload(m->b, t, rows, DTYPE_F32);
    mem_free(rows);
    return 0;
}

struct tensor model_values(struct model *m)
{
    return m->blocks.values;
}

struct tensor model_gradients(struct model *m)
{
    return m->blocks.gradients;
}

int64_t model_decayed(const struct model *m)
{
    return m->layout.decayed;
}

int64_t model_trainable(const struct model *m)
{
    return m->layout.trainable;
}

int64_t model_total(const struct model *m)
{
    return m->layout.total;
}

int64_t model_weight_bytes(const struct model *m)
{
    const struct tensor *blocks[] = {&m->blocks.frozen, &m->blocks.plain, &m->blocks.values};
    int64_t bytes = m->layout.rounded;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (tensor_present(*blocks[i]))
            bytes += tensor_count(*blocks[i]) * (int64_t)dtype_size(blocks[i]->type);
    return bytes;
}

const struct lora_config *model_lora(const struct model *m)
{
    return m->options.method == MODEL_LORA ? &m->options.lora : NULL;
}

static void drop_adapter(struct model *m)
{
    for (int32_t i = 0; i < m->config.layers; i++) {
        struct layer *y = &m->p.layers[i];
        struct linear *all[4] = {&y->qkv, &y->out, &y->up, &y->down};
        for (int k = 0; k < 4; k++)
            memset(&all[k]->lora, 0, sizeof all[k]->lora);
        y->learns = false;
    }
    layout_drop_adapter(&m->layout);
    release(m, m->blocks.values);
    release(m, m->gradient_block);
    m->blocks.values = m->blocks.gradients = m->gradient_block = TENSOR_ABSENT;
    m->options.method = MODEL_FROZEN;
    workspace_clear(m);
}

int model_merge(struct model *m, struct error *error)
{
    for (size_t i = 0; i < m->layout.n_units; i++) {
        const struct layout_unit *u = &m->layout.units[i];
        for (int k = 0; k < u->n_parts && !u->adapter; k++) {
            if (!adapter_covers(m, u, &u->parts[k]))
                continue;
            if (u->slot->value.type != m->ops->real)
                return error_set(error, ERROR_USAGE,
                                 "a base kept as %s cannot take the adapter in; load it as F32",
                                 dtype_name(u->slot->value.type));
            adapter_add(m, u, &u->parts[k],
                        tensor_rows(u->slot->value, u->parts[k].first, u->parts[k].rows));
        }
    }
    if (m->ops->sync(m->b, error) != 0)
        return -1;
    drop_adapter(m);
    return 0;
}
