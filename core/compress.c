#include "core/compress.h"

#include "core/mem.h"

#include <zstd.h>

struct compressor {
    ZSTD_CCtx *packer;
    ZSTD_DCtx *opener;
};

struct compressor *compressor_new(int level)
{
    struct compressor *c = mem_zero(1, sizeof *c);
    c->packer = ZSTD_createCCtx();
    c->opener = ZSTD_createDCtx();
    if (c->packer != NULL) {
        (void)ZSTD_CCtx_setParameter(c->packer, ZSTD_c_compressionLevel, level);
        (void)ZSTD_CCtx_setParameter(c->packer, ZSTD_c_checksumFlag, 1);
    }
    return c;
}

void compressor_free(struct compressor *c)
{
    if (c == NULL)
        return;
    (void)ZSTD_freeCCtx(c->packer);
    (void)ZSTD_freeDCtx(c->opener);
    mem_free(c);
}

int compress_bytes(struct compressor *c, struct slice in, struct buf *out, struct error *error)
{
    size_t n = ZSTD_compressBound(in.len);
    if (c->packer == NULL)
        return error_set(error, ERROR_MEMORY, "no memory for zstd");
    if (buf_reserve(out, n) != 0)
        return error_set(error, ERROR_LIMIT, "%zu bytes are too many to compress", in.len);
    n = ZSTD_compress2(c->packer, out->data + out->len, n, in.data, in.len);
    if (ZSTD_isError(n))
        return error_set(error, ERROR_FAILED, "zstd: %s", ZSTD_getErrorName(n));
    out->len += n;
    out->data[out->len] = '\0';
    return 0;
}

int decompress_bytes(struct compressor *c, struct slice in, struct buf *out, struct error *error)
{
    unsigned long long size = ZSTD_getFrameContentSize(in.data, in.len);
    size_t n;
    if (c->opener == NULL)
        return error_set(error, ERROR_MEMORY, "no memory for zstd");
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return error_set(error, ERROR_INPUT, "this is not a zstd frame of ours; it is damaged");
    if (size > out->max - out->len || buf_reserve(out, (size_t)size) != 0)
        return error_set(error, ERROR_LIMIT,
                         "a zstd frame of %llu bytes is over the maximum of %zu", size, out->max);
    n = ZSTD_decompressDCtx(c->opener, out->data + out->len, (size_t)size, in.data, in.len);
    if (ZSTD_isError(n) || n != size) {
        out->data[out->len] = '\0';
        return error_set(error, ERROR_INPUT, "a zstd frame is damaged: %s",
                         ZSTD_isError(n) ? ZSTD_getErrorName(n) : "its size is wrong");
    }
    out->len += n;
    out->data[out->len] = '\0';
    return 0;
}

const char *compress_library(void)
{
    return ZSTD_versionString();
}
