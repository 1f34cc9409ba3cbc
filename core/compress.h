/*
 * zstd for stored bodies.  A compressor holds its context and is used by one thread at a time.
 */
#ifndef CORE_COMPRESS_H
#define CORE_COMPRESS_H

#include "core/buf.h"
#include "core/error.h"
#include "core/slice.h"

struct compressor;

struct compressor *compressor_new(int level); /* 1..19; 3 is zstd's default */
void compressor_free(struct compressor *c);
int compress_bytes(struct compressor *c, struct slice in, struct buf *out, struct error *error);
/* Refuses frames that would pass out->max, torn frames and frames without a stated size. */
int decompress_bytes(struct compressor *c, struct slice in, struct buf *out, struct error *error);
const char *compress_library(void); /* the version of zstd */

#endif
