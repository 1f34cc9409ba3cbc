/*
 * safetensors: u64 little-endian N, N bytes of JSON {name: {dtype, shape, data_offsets}}, data.
 * The reader trusts nothing: header at most 100 MB, offsets within the file, sizes equal to
 * shape times dtype without overflow, no overlap, no hole, no name twice.
 */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include "core/error.h"
#include "core/slice.h"
#include "model/tensor.h"

enum { SAFETENSORS_MAX_DIMS = 8 };

struct safetensors_entry {
    const char *name;
    const char *type; /* "F32", "BF16", "I64", ... as in the file */
    int dims;
    int64_t shape[SAFETENSORS_MAX_DIMS];
    const unsigned char *data; /* into the mapping; any alignment */
    size_t bytes;
};

struct safetensors;

/* Map a file, or parse memory that outlives the object (`where` names it in errors). */
struct safetensors *safetensors_open(const char *path, struct error *error);
struct safetensors *safetensors_parse(struct slice bytes, const char *where, struct error *error);
/* model.safetensors of a folder, or all shards of model.safetensors.index.json. */
struct safetensors *safetensors_open_dir(const char *dir, struct error *error);
/* Bytes of the weights of a folder; 0 where they cannot be read. */
int64_t safetensors_bytes(const char *dir);
void safetensors_close(struct safetensors *s);

size_t safetensors_count(const struct safetensors *s);
const struct safetensors_entry *safetensors_at(const struct safetensors *s, size_t index);
const struct safetensors_entry *safetensors_find(const struct safetensors *s, const char *name);
/* Elements [first, first + n) as float; -1 when the dtype is none of F32, F16, BF16, F64, I8. */
int safetensors_floats(const struct safetensors_entry *e, size_t first, size_t n, float *out,
                       struct error *error);

/* Writing: declare every tensor in order, then send their bytes in the same order.  The file is
 * replaced atomically by safetensors_commit. */
struct safetensors_writer;
struct safetensors_spec {
    const char *name;
    enum dtype type;
    int dims;
    int64_t shape[SAFETENSORS_MAX_DIMS];
};
struct safetensors_writer *safetensors_create(const char *path,
                                              const struct safetensors_spec *specs, size_t n,
                                              struct error *error);
/* The next n elements, given as float and stored as their tensor's type (round to nearest even),
 * or given as raw bytes. */
int safetensors_put(struct safetensors_writer *w, const float *values, size_t n,
                    struct error *error);
int safetensors_put_bytes(struct safetensors_writer *w, const void *bytes, size_t n,
                          struct error *error);
int safetensors_commit(struct safetensors_writer *w, struct error *error); /* frees w */
void safetensors_abort(struct safetensors_writer *w);

#endif
