/* The flat blocks of a checkpoint: state.safetensors, piece by piece, with their digest. */
#include "core/file.h"
#include "core/hash.h"
#include "core/mem.h"
#include "model/safetensors.h"
#include "train/resume_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 1 << 20 }; /* elements moved at once */

struct blocks {
    struct tensor t[6];
    const char *names[6];
    size_t n;
};

static struct blocks blocks_of(struct learner *l, bool best)
{
    struct blocks b = {{model_values(l->model), l->first, l->second},
                       {"values", "first", "second", "projections", "projections.first",
                        "projections.second"},
                       best ? 1 : 3};
    if (l->distill != NULL && !best)
        matcher_blocks(l->distill->matcher, b.t + 3);
    if (tensor_present(b.t[3]))
        b.n = 6;
    return b;
}

int64_t resume_bytes(const struct learner *l)
{
    return 3 * l->first.cols * (int64_t)dtype_size(l->first.type);
}

/* Send one block through `piece` to the writer, folding it into the digest. */
static int put_block(struct backend *b, struct tensor t, struct safetensors_writer *w,
                     uint64_t *digest, struct error *error)
{
    size_t size = dtype_size(t.type);
    void *piece = mem_alloc(PIECE * size);
    int status = 0;
    for (int64_t at = 0; status == 0 && at < t.cols; at += PIECE) {
        int64_t n = t.cols - at < PIECE ? t.cols - at : PIECE;
        b->ops->download(b, tensor_cols(t, at, n), piece, t.type);
        status = b->ops->sync(b, error);
        *digest = hash64(piece, (size_t)n * size, *digest);
        if (status == 0)
            status = safetensors_put_bytes(w, piece, (size_t)n * size, error);
    }
    mem_free(piece);
    return status;
}

int resume_blocks_write(struct learner *l, const char *dir, bool best, uint64_t *digest,
                        struct error *error)
{
    struct blocks blocks = blocks_of(l, best);
    struct safetensors_spec specs[6];
    struct safetensors_writer *w;
    char *path = file_join(dir, "state.safetensors");
    for (size_t i = 0; i < blocks.n; i++)
        specs[i] = (struct safetensors_spec){.name = blocks.names[i],
                                             .type = blocks.t[i].type,
                                             .dims = 1,
                                             .shape = {blocks.t[i].cols}};
    w = safetensors_create(path, specs, blocks.n, error);
    mem_free(path);
    if (w == NULL)
        return -1;
    *digest = 0;
    for (size_t i = 0; i < blocks.n; i++)
        if (put_block(model_backend(l->model), blocks.t[i], w, digest, error) != 0) {
            safetensors_abort(w);
            return -1;
        }
    return safetensors_commit(w, error);
}

/* Upload one block from the file and check its length; folds it into the digest. */
static int take_block(struct backend *b, struct tensor t, const char *name, struct safetensors *s,
                      uint64_t *digest, struct error *error)
{
    const struct safetensors_entry *e = safetensors_find(s, name);
    size_t size = dtype_size(t.type);
    if (e == NULL || e->bytes != (size_t)t.cols * size || strcmp(e->type, dtype_name(t.type)) != 0)
        return error_set(error, ERROR_INPUT, "block %s is missing or of another size", name);
    for (int64_t at = 0; at < t.cols; at += PIECE) {
        int64_t n = t.cols - at < PIECE ? t.cols - at : PIECE;
        const unsigned char *from = e->data + (size_t)at * size;
        *digest = hash64(from, (size_t)n * size, *digest);
        b->ops->upload(b, tensor_cols(t, at, n), from, t.type);
    }
    return b->ops->sync(b, error);
}

int resume_blocks_read(struct learner *l, const char *dir, const char *wanted, bool best,
                       struct error *error)
{
    struct blocks blocks = blocks_of(l, best);
    char *path = file_join(dir, "state.safetensors");
    struct safetensors *s = safetensors_open(path, error);
    uint64_t digest = 0;
    char hex[17];
    int status = s != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < blocks.n; i++)
        status =
            take_block(model_backend(l->model), blocks.t[i], blocks.names[i], s, &digest, error);
    (void)snprintf(hex, sizeof hex, "%016" PRIx64, digest);
    if (status == 0 && strcmp(hex, wanted) != 0)
        status = error_set(error, ERROR_INPUT, "%s: damaged (its digest differs)", path);
    safetensors_close(s);
    mem_free(path);
    return status;
}
