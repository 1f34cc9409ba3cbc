#include "model/safetensors.h"

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/vec.h"
#include "model/half.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SHARDS = 4096, MAX_INDEX = 64 << 20 };
static const uint64_t MAX_HEADER = 100000000;

struct safetensors {
    struct file_map *maps;
    size_t n_maps;
    struct safetensors_entry *entries; /* in the order of the files */
    size_t n, cap;
    const struct safetensors_entry **by_name;
};

static const struct {
    const char *name;
    unsigned size;
} types[] = {{"F32", 4},  {"BF16", 2},    {"F16", 2},     {"F64", 8}, {"I64", 8}, {"I32", 4},
             {"I16", 2},  {"I8", 1},      {"U8", 1},      {"U16", 2}, {"U32", 4}, {"U64", 8},
             {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {NULL, 0}};

static int type_of(const char *name, struct safetensors_entry *e, unsigned *size)
{
    for (size_t i = 0; types[i].name != NULL; i++) {
        if (name != NULL && strcmp(types[i].name, name) == 0) {
            e->type = types[i].name;
            *size = types[i].size;
            return 0;
        }
    }
    return -1;
}

static int read_shape(const struct json *shape, struct safetensors_entry *e, unsigned size,
                      struct error *error)
{
    uint64_t bytes = size;
    if (json_type(shape) != JSON_ARRAY || json_count(shape) > SAFETENSORS_MAX_DIMS)
        return error_set(error, ERROR_INPUT, "shape is not a list of at most %d sizes",
                         SAFETENSORS_MAX_DIMS);
    for (const struct json *d = json_first(shape); d != NULL; d = json_next(d)) {
        int64_t n = 0;
        if (json_type(d) != JSON_NUMBER || json_integer(d, &n) != 0 || n < 0)
            return error_set(error, ERROR_INPUT, "a size of the shape is no integer from 0 on");
        if (n != 0 && bytes > (uint64_t)INT64_MAX / (uint64_t)n)
            return error_set(error, ERROR_INPUT, "the shape's size overflows");
        bytes *= (uint64_t)n;
        e->shape[e->dims++] = n;
    }
    e->bytes = (size_t)bytes;
    return 0;
}

static int read_entry(const struct json *node, struct slice data, struct safetensors_entry *e,
                      struct error *error)
{
    const struct json *offsets = json_get(node, "data_offsets");
    int64_t begin = 0, end = 0;
    unsigned size = 0;
    if (type_of(json_text(json_get(node, "dtype"), NULL), e, &size) != 0)
        return error_set(error, ERROR_INPUT, "dtype \"%s\" is unknown",
                         json_text(json_get(node, "dtype"), ""));
    if (read_shape(json_get(node, "shape"), e, size, error) != 0)
        return -1;
    if (json_type(offsets) != JSON_ARRAY || json_count(offsets) != 2 ||
        json_integer(json_at(offsets, 0), &begin) != 0 ||
        json_integer(json_at(offsets, 1), &end) != 0 || begin < 0 || end < begin ||
        (uint64_t)end > data.len)
        return error_set(error, ERROR_INPUT, "data_offsets lie outside of the file's %zu bytes",
                         data.len);
    if ((uint64_t)(end - begin) != e->bytes)
        return error_set(error, ERROR_INPUT, "data_offsets span %lld bytes, the shape means %zu",
                         (long long)(end - begin), e->bytes);
    e->data = (const unsigned char *)data.data + begin;
    return 0;
}

static int check_metadata(const struct json *node, struct error *error)
{
    if (json_type(node) != JSON_OBJECT)
        return error_set(error, ERROR_INPUT, "__metadata__ is not an object");
    for (const struct json *m = json_first(node); m != NULL; m = json_next(m))
        if (json_type(m) != JSON_STRING)
            return error_set(error, ERROR_INPUT, "__metadata__ holds something else than text");
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct safetensors_entry *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* Every byte of the data belongs to exactly one tensor. */
static int check_cover(struct safetensors_entry *entries, size_t n, struct slice data,
                       struct error *error)
{
    const unsigned char *at = (const unsigned char *)data.data;
    qsort(entries, n, sizeof *entries, by_offset);
    for (size_t i = 0; i < n; i++) {
        if (entries[i].data != at)
            return error_set(error, ERROR_INPUT, "tensor %s %s", entries[i].name,
                             entries[i].data < at ? "overlaps another"
                                                  : "leaves a hole in front of it");
        at += entries[i].bytes;
    }
    if (at != (const unsigned char *)data.data + data.len)
        return error_set(error, ERROR_INPUT, "%zu bytes behind the last tensor belong to none",
                         (size_t)((const unsigned char *)data.data + data.len - at));
    return 0;
}

static int read_header(struct safetensors *s, const struct json *root, struct slice data,
                       struct error *error)
{
    const size_t first = s->n;
    if (json_type(root) != JSON_OBJECT)
        return error_set(error, ERROR_INPUT, "the header is not an object");
    for (const struct json *node = json_first(root); node != NULL; node = json_next(node)) {
        struct safetensors_entry *e;
        if (strcmp(json_key(node), "__metadata__") == 0) {
            if (check_metadata(node, error) != 0)
                return -1;
            continue;
        }
        s->entries = vec_reserve(s->entries, &s->cap, s->n + 1, sizeof *s->entries);
        e = &s->entries[s->n++];
        memset(e, 0, sizeof *e);
        e->name = mem_strdup(json_key(node));
        if (read_entry(node, data, e, error) != 0)
            return error_wrap(error, "tensor %s", e->name);
    }
    return check_cover(s->entries + first, s->n - first, data, error);
}

static int add_bytes(struct safetensors *s, struct slice bytes, struct error *error)
{
    uint64_t size = 0;
    struct json *root;
    int status;
    if (bytes.len < 8)
        return error_set(error, ERROR_INPUT, "too short for a safetensors file");
    for (int i = 7; i >= 0; i--)
        size = size << 8 | (unsigned char)bytes.data[i];
    if (size > MAX_HEADER)
        return error_set(error, ERROR_INPUT,
                         "the header claims %llu bytes; at most %llu are "
                         "allowed",
                         (unsigned long long)size, (unsigned long long)MAX_HEADER);
    if (size > bytes.len - 8)
        return error_set(error, ERROR_INPUT,
                         "the header claims %llu bytes of a file of %zu; it "
                         "is cut off",
                         (unsigned long long)size, bytes.len);
    root = json_parse(slice_sub(bytes, 8, (size_t)size), 0, error);
    if (root == NULL)
        return error_wrap(error, "header");
    status = read_header(s, root, slice_from(bytes.data + 8 + size, bytes.len - 8 - (size_t)size),
                         error);
    json_free(root);
    return status;
}

static int add_file(struct safetensors *s, const char *path, struct error *error)
{
    struct file_map map;
    if (file_map(&map, path, error) != 0)
        return -1;
    s->maps = mem_grow(s->maps, s->n_maps + 1, sizeof *s->maps);
    s->maps[s->n_maps++] = map;
    if (add_bytes(s, slice_from(map.data, map.size), error) != 0)
        return error_wrap(error, "%s", path);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct safetensors_entry *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int index_names(struct safetensors *s, const char *where, struct error *error)
{
    s->by_name = mem_zero(s->n, sizeof *s->by_name);
    for (size_t i = 0; i < s->n; i++)
        s->by_name[i] = &s->entries[i];
    qsort(s->by_name, s->n, sizeof *s->by_name, by_name);
    for (size_t i = 1; i < s->n; i++)
        if (strcmp(s->by_name[i - 1]->name, s->by_name[i]->name) == 0)
            return error_set(error, ERROR_INPUT, "%s: tensor %s stands twice", where,
                             s->by_name[i]->name);
    return 0;
}

static struct safetensors *finished(struct safetensors *s, int status, const char *where,
                                    struct error *error)
{
    if (status == 0)
        status = index_names(s, where, error);
    if (status == 0)
        return s;
    safetensors_close(s);
    return NULL;
}

struct safetensors *safetensors_open(const char *path, struct error *error)
{
    struct safetensors *s = mem_zero(1, sizeof *s);
    return finished(s, add_file(s, path, error), path, error);
}

struct safetensors *safetensors_parse(struct slice bytes, const char *where, struct error *error)
{
    struct safetensors *s = mem_zero(1, sizeof *s);
    int status = add_bytes(s, bytes, error);
    if (status != 0)
        error_wrap(error, "%s", where);
    return finished(s, status, where, error);
}

/* Open each shard that the map names, once; maps list files grouped, but need not. */
static int add_shards(struct safetensors *s, const char *dir, const struct json *map,
                      struct error *error)
{
    const char *seen[MAX_SHARDS];
    size_t n = 0;
    for (const struct json *m = json_first(map); m != NULL; m = json_next(m)) {
        const char *file = json_text(m, NULL);
        size_t i = 0;
        char *path;
        int status;
        if (file == NULL || file[0] == '\0' || strchr(file, '/') != NULL)
            return error_set(error, ERROR_INPUT,
                             "%s: weight_map: %s: expected the name of a file of this folder", dir,
                             json_key(m));
        while (i < n && strcmp(seen[i], file) != 0)
            i++;
        if (i < n)
            continue;
        if (n == MAX_SHARDS)
            return error_set(error, ERROR_INPUT, "weight_map names more than %d files", MAX_SHARDS);
        seen[n++] = file;
        path = file_join(dir, file);
        status = add_file(s, path, error);
        mem_free(path);
        if (status != 0)
            return -1;
    }
    return 0;
}

static struct safetensors *open_index(const char *dir, const char *path, struct error *error)
{
    struct safetensors *s = mem_zero(1, sizeof *s);
    struct buf text = BUF_MAX(MAX_INDEX);
    struct json *root = NULL;
    const struct json *map;
    int status = file_read(path, &text, error);
    if (status == 0) {
        root = json_parse(buf_view(&text), 0, error);
        status = root == NULL ? error_wrap(error, "%s", path) : 0;
    }
    map = json_get(root, "weight_map");
    if (status == 0 && json_count(map) == 0)
        status = error_set(error, ERROR_INPUT, "%s: weight_map is missing or empty", path);
    if (status == 0)
        status = add_shards(s, dir, map, error);
    s = finished(s, status, path, error);
    for (const struct json *m = json_first(map); m != NULL && s != NULL; m = json_next(m)) {
        if (safetensors_find(s, json_key(m)) == NULL) {
            error_set(error, ERROR_INPUT, "%s: tensor %s is in no shard", path, json_key(m));
            safetensors_close(s);
            s = NULL;
        }
    }
    json_free(root);
    buf_free(&text);
    return s;
}

struct safetensors *safetensors_open_dir(const char *dir, struct error *error)
{
    char *one = file_join(dir, "model.safetensors");
    char *index = file_join(dir, "model.safetensors.index.json");
    struct safetensors *s;
    char *pickled = file_join(dir, "pytorch_model.bin");
    if (!file_exists(one) && file_exists(index))
        s = open_index(dir, index, error);
    else
        s = safetensors_open(one, error);
    if (s == NULL && !file_exists(one) && file_exists(pickled))
        error_set(error, ERROR_INPUT,
                  "%s: has pytorch_model.bin and no model.safetensors; transformers' "
                  "save_pretrained() writes the latter",
                  dir);
    mem_free(one);
    mem_free(index);
    mem_free(pickled);
    return s;
}

void safetensors_close(struct safetensors *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++) {
        union {
            const char *in;
            char *out;
        } name = {s->entries[i].name};
        mem_free(name.out);
    }
    for (size_t i = 0; i < s->n_maps; i++)
        file_unmap(&s->maps[i]);
    mem_free(s->maps);
    mem_free(s->entries);
    mem_free(s->by_name);
    mem_free(s);
}

int64_t safetensors_bytes(const char *dir)
{
    struct safetensors *s = safetensors_open_dir(dir, NULL);
    int64_t bytes = 0;
    for (size_t i = 0; s != NULL && i < safetensors_count(s); i++)
        bytes += (int64_t)safetensors_at(s, i)->bytes;
    safetensors_close(s);
    return bytes;
}

size_t safetensors_count(const struct safetensors *s)
{
    return s->n;
}

const struct safetensors_entry *safetensors_at(const struct safetensors *s, size_t index)
{
    return &s->entries[index];
}

const struct safetensors_entry *safetensors_find(const struct safetensors *s, const char *name)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(s->by_name[middle]->name, name);
        if (order == 0)
            return s->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* BF16, lower byte first, to float. */
static void widen(float *out, const unsigned char *p, size_t n)
{
    size_t i = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    typedef uint16_t halves __attribute__((vector_size(16)));
    typedef uint32_t words __attribute__((vector_size(32)));
    for (; i + 8 <= n; i += 8) {
        halves h;
        words w;
        memcpy(&h, p + 2 * i, sizeof h);
        w = __builtin_convertvector(h, words) << 16;
        memcpy(out + i, &w, sizeof w);
    }
#endif
    for (; i < n; i++)
        out[i] = half_from_bf16((uint16_t)(p[2 * i] | p[2 * i + 1] << 8));
}

int safetensors_floats(const struct safetensors_entry *e, size_t first, size_t n, float *out,
                       struct error *error)
{
    if (strcmp(e->type, "F32") == 0) {
        memcpy(out, e->data + 4 * first, 4 * n);
    } else if (strcmp(e->type, "BF16") == 0) {
        widen(out, e->data + 2 * first, n);
    } else if (strcmp(e->type, "F16") == 0) {
        const unsigned char *p = e->data + 2 * first;
        for (size_t i = 0; i < n; i++)
            out[i] = half_from_f16((uint16_t)(p[2 * i] | p[2 * i + 1] << 8));
    } else if (strcmp(e->type, "F64") == 0) {
        for (size_t i = 0; i < n; i++) {
            double x;
            memcpy(&x, e->data + 8 * (first + i), sizeof x);
            out[i] = (float)x;
        }
    } else if (strcmp(e->type, "I8") == 0) {
        for (size_t i = 0; i < n; i++)
            out[i] = (float)(signed char)e->data[first + i];
    } else {
        return error_set(error, ERROR_INPUT,
                         "tensor %s is of dtype %s; weights are F32, F16, BF16, F64 or I8", e->name,
                         e->type);
    }
    return 0;
}
