/* Bytes that claim to be a frame are refused or opened within the maximum; any bytes survive
 * packing. */
#include "core/compress.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct compressor *c = compressor_new(1);
    struct buf opened = BUF_MAX(1 << 16), packed = BUF, back = BUF;
    struct error error;
    struct slice in = slice_from(data, size);
    if (decompress_bytes(c, in, &opened, &error) == 0 && opened.len > 1 << 16)
        abort();
    if (compress_bytes(c, in, &packed, &error) != 0 ||
        decompress_bytes(c, buf_view(&packed), &back, &error) != 0 ||
        !slice_equal(buf_view(&back), in))
        abort();
    buf_free(&opened);
    buf_free(&packed);
    buf_free(&back);
    compressor_free(c);
    return 0;
}
