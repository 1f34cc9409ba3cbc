#include "model/gguf.h"

#include "core/file.h"
#include "core/mem.h"
#include "model/half.h"
#include "model/naming.h"
#include "model/rope.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ALIGN = 32, QUANT = 32, QUANT_BYTES = 34 };

int gguf_type_named(const char *name, enum gguf_type *out, struct error *error)
{
    static const struct {
        const char *name;
        enum gguf_type type;
    } types[] = {{"f32", GGUF_F32}, {"f16", GGUF_F16}, {"bf16", GGUF_BF16}, {"q8_0", GGUF_Q8_0}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, name) == 0) {
            *out = types[i].type;
            return 0;
        }
    }
    return error_set(error, ERROR_USAGE,
                     "no weight type \"%s\" for GGUF; there are f32, f16, bf16, q8_0", name);
}

/* What one parameter becomes. */
struct item {
    char name[96];
    size_t index;
    struct model_parameter p;
    enum gguf_type type;
    int32_t heads; /* rows reordered for that many heads; 0: not */
    uint64_t offset, bytes;
};

struct writer {
    struct model *m;
    const struct gguf_options *o;
    struct item *items;
    size_t n;
    float *freqs; /* llama3: rope_freqs.weight, [head_dim / 2] */
    uint64_t freqs_offset;
    struct file_new file;
    uint64_t written; /* of the data */
};

/* A name of Hugging Face's with %d as the layer, into llama.cpp's. */
static bool renamed(const char *name, const char *from, const char *to, char out[96])
{
    int layer = 0, used = 0;
    const char *hole, *suffix;
    if (from == NULL)
        return false;
    hole = strstr(from, "%d");
    if (hole == NULL) {
        if (strncmp(name, from, strlen(from)) != 0 || name[strlen(from)] != '.')
            return false;
        suffix = name + strlen(from);
    } else {
        if (strncmp(name, from, (size_t)(hole - from)) != 0)
            return false;
        suffix = name + (hole - from);
        while (*suffix >= '0' && *suffix <= '9' && used++ < 6)
            layer = layer * 10 + (*suffix++ - '0');
        if (used == 0 || strncmp(suffix, hole + 2, strlen(hole + 2)) != 0)
            return false;
        suffix += strlen(hole + 2);
        if (*suffix != '.')
            return false;
    }
    if (hole == NULL)
        (void)snprintf(out, 96, "%s%s", to, suffix);
    else
        (void)snprintf(out, 96, "blk.%d.%s%s", layer, to, suffix);
    return true;
}

static bool name_of(const struct tensor_naming *n, const char *name, char out[96])
{
    const struct {
        const char *from, *to;
    } map[] = {{n->embed, "token_embd"},
               {n->positions, "position_embd"},
               {n->final_norm, "output_norm"},
               {n->head, "output"},
               {n->norm1, "attn_norm"},
               {n->norm2, "ffn_norm"},
               {n->q_norm, "attn_q_norm"},
               {n->k_norm, "attn_k_norm"},
               {n->q, "attn_q"},
               {n->k, "attn_k"},
               {n->v, "attn_v"},
               {n->qkv, "attn_qkv"},
               {n->out, "attn_output"},
               {n->gate, "ffn_gate"},
               {n->up, "ffn_up"},
               {n->down, "ffn_down"}};
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (renamed(name, map[i].from, map[i].to, out))
            return true;
    return false;
}

static uint64_t bytes_of(enum gguf_type type, uint64_t n)
{
    if (type == GGUF_Q8_0)
        return n / QUANT * QUANT_BYTES;
    return n * (type == GGUF_F32 ? 4 : 2);
}

static uint64_t aligned(uint64_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static int plan_items(struct writer *w, struct error *error)
{
    const struct model_config *c = model_config(w->m);
    uint64_t offset = 0;
    for (size_t i = 0; i < w->n; i++) {
        struct item *t = &w->items[i];
        t->index = i;
        t->p = model_parameter(w->m, i);
        if (!name_of(c->arch->naming, t->p.name, t->name))
            return error_set(error, ERROR_FAILED, "%s has no name in GGUF", t->p.name);
        t->type = t->p.dims == 1 ? GGUF_F32 : w->o->type;
        if (t->type == GGUF_Q8_0 && t->p.value.cols % QUANT != 0)
            t->type = GGUF_F16;
        if (strcmp(c->arch->gguf, "llama") == 0 && strstr(t->name, ".attn_q.") != NULL)
            t->heads = c->heads;
        if (strcmp(c->arch->gguf, "llama") == 0 && strstr(t->name, ".attn_k.") != NULL)
            t->heads = c->kv_heads;
        t->offset = offset;
        t->bytes = bytes_of(t->type, (uint64_t)tensor_count(t->p.value));
        offset = aligned(offset + t->bytes);
    }
    w->freqs_offset = offset;
    return 0;
}

static void put_info(struct buf *b, const struct item *t)
{
    gguf_put_string(b, slice_of(t->name));
    gguf_put_u32(b, (uint32_t)t->p.dims);
    gguf_put_u64(b, (uint64_t)t->p.value.cols);
    if (t->p.dims == 2)
        gguf_put_u64(b, (uint64_t)t->p.value.rows);
    gguf_put_u32(b, t->type);
    gguf_put_u64(b, t->offset);
}

static int write_header(struct writer *w, struct error *error)
{
    struct gguf_meta meta = {BUF_MAX((size_t)1 << 30), 0};
    struct buf head = BUF_MAX((size_t)1 << 30);
    int status;
    gguf_meta_add(&meta, w->m, w->o);
    buf_str(&head, "GGUF");
    gguf_put_u32(&head, 3);
    gguf_put_u64(&head, w->n + (w->freqs != NULL));
    gguf_put_u64(&head, meta.n);
    buf_slice(&head, buf_view(&meta.out));
    for (size_t i = 0; i < w->n; i++)
        put_info(&head, &w->items[i]);
    if (w->freqs != NULL) {
        gguf_put_string(&head, SLICE("rope_freqs.weight"));
        gguf_put_u32(&head, 1);
        gguf_put_u64(&head, (uint64_t)model_config(w->m)->head_dim / 2);
        gguf_put_u32(&head, GGUF_F32);
        gguf_put_u64(&head, w->freqs_offset);
    }
    while (head.len % ALIGN != 0 && !head.full)
        buf_char(&head, 0);
    if (head.full || meta.out.full)
        status = error_set(error, ERROR_LIMIT, "the header of a GGUF file passes 1 GB");
    else
        status = file_new_write(&w->file, head.data, head.len, error);
    buf_free(&head);
    buf_free(&meta.out);
    return status;
}

/* Blocks of 32: a half for the scale, then 32 bytes. */
static void quantise(const float *x, size_t n, unsigned char *out)
{
    for (size_t i = 0; i < n; i += QUANT, out += QUANT_BYTES) {
        float top = 0, scale, inverse;
        uint16_t h;
        for (size_t k = 0; k < QUANT; k++)
            top = fmaxf(top, fabsf(x[i + k]));
        scale = top / 127;
        inverse = scale > 0 ? 1 / scale : 0;
        h = half_to_f16(scale);
        out[0] = (unsigned char)h;
        out[1] = (unsigned char)(h >> 8);
        for (size_t k = 0; k < QUANT; k++)
            out[2 + k] = (unsigned char)(signed char)roundf(x[i + k] * inverse);
    }
}

static void convert(enum gguf_type type, const float *x, size_t n, unsigned char *out)
{
    if (type == GGUF_F32) {
        memcpy(out, x, n * 4);
        return;
    }
    if (type == GGUF_Q8_0) {
        quantise(x, n, out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint16_t h = type == GGUF_F16 ? half_to_f16(x[i]) : half_to_bf16(x[i]);
        out[2 * i] = (unsigned char)h;
        out[2 * i + 1] = (unsigned char)(h >> 8);
    }
}

/* Row r of a reordered matrix of heads: halves of each head interleaved. */
static int64_t source_row(const struct item *t, int64_t rows, int64_t r)
{
    const int64_t dim = t->heads > 0 ? rows / t->heads : rows, head = r / dim, at = r % dim;
    return t->heads > 0 ? head * dim + at % 2 * (dim / 2) + at / 2 : r;
}

static int write_padding(struct writer *w, struct error *error)
{
    static const unsigned char zeros[ALIGN];
    const uint64_t gap = aligned(w->written) - w->written;
    w->written += gap;
    return gap == 0 ? 0 : file_new_write(&w->file, zeros, (size_t)gap, error);
}

/* Row by row, as it lies in the model: [out, in] for every family. */
static int write_item(struct writer *w, const struct item *t, struct error *error)
{
    const struct backend_ops *ops = model_backend(w->m)->ops;
    const bool vector = t->p.dims == 1 && t->heads > 0; /* a bias to be reordered */
    const int64_t rows = vector ? t->p.value.cols : t->p.value.rows;
    const size_t cols = vector ? 1 : (size_t)t->p.value.cols;
    float *x = mem_alloc(cols * sizeof *x);
    unsigned char *out = mem_alloc(cols * 4);
    const size_t bytes = (size_t)(t->bytes / (uint64_t)rows);
    int status = 0;
    for (int64_t r = 0; r < rows && status == 0; r++) {
        const int64_t from = source_row(t, rows, r);
        ops->download(model_backend(w->m),
                      vector ? tensor_cols(t->p.value, from, 1) : tensor_rows(t->p.value, from, 1),
                      x, DTYPE_F32);
        convert(t->type, x, cols, out);
        status = file_new_write(&w->file, out, bytes, error);
    }
    mem_free(x);
    mem_free(out);
    w->written += t->bytes;
    return status == 0 ? write_padding(w, error) : -1;
}

static int write_data(struct writer *w, struct error *error)
{
    for (size_t i = 0; i < w->n; i++)
        if (write_item(w, &w->items[i], error) != 0)
            return -1;
    if (w->freqs == NULL)
        return 0;
    w->written += (uint64_t)model_config(w->m)->head_dim / 2 * 4;
    if (file_new_write(&w->file, w->freqs, (size_t)model_config(w->m)->head_dim / 2 * 4, error) !=
        0)
        return -1;
    return write_padding(w, error);
}

/* --- reading back ------------------------------------------------------------------------- */

static void restore(enum gguf_type type, const unsigned char *in, size_t n, float *x)
{
    if (type == GGUF_F32) {
        memcpy(x, in, n * 4);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const unsigned char *block = in + i / QUANT * QUANT_BYTES;
        const unsigned char *half = type == GGUF_Q8_0 ? block : in + 2 * i;
        const uint16_t h = (uint16_t)(half[0] | half[1] << 8);
        if (type == GGUF_Q8_0)
            x[i] = half_from_f16(h) * (float)(signed char)block[2 + i % QUANT];
        else
            x[i] = type == GGUF_F16 ? half_from_f16(h) : half_from_bf16(h);
    }
}

static void reload_item(struct writer *w, const struct item *t, const unsigned char *in)
{
    const struct backend_ops *ops = model_backend(w->m)->ops;
    const bool vector = t->p.dims == 1 && t->heads > 0;
    const int64_t rows = vector ? t->p.value.cols : t->p.value.rows;
    const size_t cols = vector ? 1 : (size_t)t->p.value.cols;
    float *x = mem_alloc(cols * sizeof *x);
    for (int64_t r = 0; r < rows; r++) {
        const int64_t to = source_row(t, rows, r);
        restore(t->type, in + (uint64_t)r * (t->bytes / (uint64_t)rows), cols, x);
        ops->upload(model_backend(w->m),
                    vector ? tensor_cols(t->p.value, to, 1) : tensor_rows(t->p.value, to, 1), x,
                    DTYPE_F32);
    }
    mem_free(x);
}

int gguf_reload(struct model *m, const char *path, const struct gguf_options *options,
                struct error *error)
{
    const struct model_config *c = model_config(m);
    struct writer w = {.m = m, .o = options, .n = model_parameter_count(m)};
    struct file_map map;
    uint64_t size;
    int status = -1;
    w.items = mem_zero(w.n, sizeof *w.items);
    if (plan_items(&w, error) == 0 && file_map(&map, path, error) == 0) {
        size = w.freqs_offset;
        if (c->position == POSITION_ROPE && c->rope.kind == ROPE_LLAMA3)
            size = aligned(size + (uint64_t)c->head_dim / 2 * 4);
        status = map.size > size
                     ? 0
                     : error_set(error, ERROR_FAILED, "%s: %zu bytes, fewer than its weights take",
                                 path, map.size);
        for (size_t i = 0; i < w.n && status == 0; i++)
            reload_item(&w, &w.items[i], map.data + (map.size - size) + w.items[i].offset);
        file_unmap(&map);
    }
    mem_free(w.items);
    return status;
}

int gguf_write(struct model *m, const char *path, const struct gguf_options *options,
               struct error *error)
{
    const struct model_config *c = model_config(m);
    struct writer w = {.m = m, .o = options, .n = model_parameter_count(m)};
    int status;
    if (c->arch->gguf == NULL || model_lora(m) != NULL)
        return error_set(error, ERROR_USAGE,
                         model_lora(m) != NULL ? "%s: merge the adapter first"
                                               : "%s: this family cannot be written as GGUF",
                         path);
    w.items = mem_zero(w.n, sizeof *w.items);
    if (c->position == POSITION_ROPE && c->rope.kind == ROPE_LLAMA3) {
        w.freqs = mem_zero((size_t)c->head_dim, sizeof *w.freqs);
        rope_factors(&c->rope, c->head_dim, w.freqs);
    }
    status = plan_items(&w, error);
    if (status == 0)
        status = file_new_open(&w.file, path, error);
    if (status == 0) {
        status = write_header(&w, error) != 0 || write_data(&w, error) != 0 ? -1 : 0;
        if (status == 0)
            status = file_new_commit(&w.file, error);
        else
            file_new_abort(&w.file);
    }
    mem_free(w.items);
    mem_free(w.freqs);
    return status;
}
