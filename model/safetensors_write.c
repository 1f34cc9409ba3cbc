/* Writing safetensors files: header first, then the tensors as they are given. */
#include "model/safetensors.h"

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "model/half.h"

#include <string.h>

enum { PIECE = 32768 };

struct safetensors_writer {
    struct file_new file;
    struct {
        enum dtype type;
        uint64_t left; /* elements not yet given */
    } * tensors;
    size_t n, at;
    char *path;
    unsigned char piece[PIECE * 4];
};

static uint64_t elements_of(const struct safetensors_spec *s)
{
    uint64_t n = 1;
    for (int i = 0; i < s->dims; i++)
        n *= (uint64_t)s->shape[i];
    return n;
}

/* Compact JSON, padded with spaces to a multiple of 8 as the library writes it. */
static int write_header(struct safetensors_writer *w, const struct safetensors_spec *specs,
                        size_t n, struct error *error)
{
    struct buf b = BUF_MAX(100000000);
    uint64_t offset = 0;
    unsigned char size[8];
    int status;
    buf_str(&b, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < n; i++) {
        const uint64_t bytes = elements_of(&specs[i]) * dtype_size(specs[i].type);
        buf_char(&b, ',');
        json_quote(slice_of(specs[i].name), 0, &b);
        buf_printf(&b, ":{\"dtype\":\"%s\",\"shape\":[", dtype_name(specs[i].type));
        for (int k = 0; k < specs[i].dims; k++)
            buf_printf(&b, "%s%lld", k == 0 ? "" : ",", (long long)specs[i].shape[k]);
        buf_printf(&b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)offset,
                   (unsigned long long)(offset + bytes));
        offset += bytes;
    }
    buf_char(&b, '}');
    while (b.len % 8 != 0 && !b.full)
        buf_char(&b, ' ');
    for (int i = 0; i < 8; i++)
        size[i] = (unsigned char)((uint64_t)b.len >> 8 * i);
    if (b.full)
        status = error_set(error, ERROR_LIMIT, "%s: the header passes 100 MB", w->path);
    else
        status = file_new_write(&w->file, size, sizeof size, error) != 0 ||
                         file_new_write(&w->file, b.data, b.len, error) != 0
                     ? -1
                     : 0;
    buf_free(&b);
    return status;
}

struct safetensors_writer *safetensors_create(const char *path,
                                              const struct safetensors_spec *specs, size_t n,
                                              struct error *error)
{
    struct safetensors_writer *w = mem_zero(1, sizeof *w);
    w->path = mem_strdup(path);
    if (file_new_open(&w->file, path, error) != 0) {
        mem_free(w->path);
        mem_free(w);
        return NULL;
    }
    w->tensors = mem_zero(n, sizeof *w->tensors);
    w->n = n;
    for (size_t i = 0; i < n; i++) {
        w->tensors[i].type = specs[i].type;
        w->tensors[i].left = elements_of(&specs[i]);
    }
    if (write_header(w, specs, n, error) != 0) {
        safetensors_abort(w);
        return NULL;
    }
    return w;
}

static void skip_full(struct safetensors_writer *w)
{
    while (w->at < w->n && w->tensors[w->at].left == 0)
        w->at++;
}

static size_t convert(enum dtype type, const float *values, size_t n, unsigned char *out)
{
    if (type == DTYPE_F32) {
        memcpy(out, values, n * 4);
        return n * 4;
    }
    for (size_t i = 0; i < n; i++) {
        const uint16_t h = type == DTYPE_BF16 ? half_to_bf16(values[i]) : half_to_f16(values[i]);
        out[2 * i] = (unsigned char)h;
        out[2 * i + 1] = (unsigned char)(h >> 8);
    }
    return n * 2;
}

int safetensors_put(struct safetensors_writer *w, const float *values, size_t n,
                    struct error *error)
{
    while (n > 0) {
        size_t now = n < PIECE ? n : PIECE;
        skip_full(w);
        if (w->at == w->n)
            return error_set(error, ERROR_FAILED, "%s: more values than declared", w->path);
        if (now > w->tensors[w->at].left)
            now = (size_t)w->tensors[w->at].left;
        if (file_new_write(&w->file, w->piece,
                           convert(w->tensors[w->at].type, values, now, w->piece), error) != 0)
            return -1;
        w->tensors[w->at].left -= now;
        values += now;
        n -= now;
    }
    return 0;
}

int safetensors_put_bytes(struct safetensors_writer *w, const void *bytes, size_t n,
                          struct error *error)
{
    size_t size;
    skip_full(w);
    size = w->at < w->n ? dtype_size(w->tensors[w->at].type) : 1;
    if (w->at == w->n || n % size != 0 || n / size > w->tensors[w->at].left)
        return error_set(error, ERROR_FAILED, "%s: more bytes than declared", w->path);
    w->tensors[w->at].left -= n / size;
    return file_new_write(&w->file, bytes, n, error);
}

static void free_writer(struct safetensors_writer *w)
{
    mem_free(w->tensors);
    mem_free(w->path);
    mem_free(w);
}

int safetensors_commit(struct safetensors_writer *w, struct error *error)
{
    int status;
    skip_full(w);
    if (w->at != w->n) {
        error_set(error, ERROR_FAILED, "%s: fewer values than declared", w->path);
        safetensors_abort(w);
        return -1;
    }
    status = file_new_commit(&w->file, error);
    free_writer(w);
    return status;
}

void safetensors_abort(struct safetensors_writer *w)
{
    if (w == NULL)
        return;
    file_new_abort(&w->file);
    free_writer(w);
}
