/* Server-sent events: any bytes, cut anywhere, give the events of the whole. */
#include "net/sse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool collect(void *context, struct slice data)
{
    buf_slice(context, data);
    buf_char(context, '|');
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sse whole = SSE_MAX(4096), cut = SSE_MAX(4096);
    struct buf a = BUF, b = BUF;
    if (size == 0)
        return 0;
    sse_add(&whole, slice_from(data + 1, size - 1), collect, &a);
    for (size_t at = 1, step = data[0] % 16 + 1u; at < size; at += step)
        sse_add(&cut, slice_from(data + at, step < size - at ? step : size - at), collect, &b);
    if (!slice_equal(buf_view(&a), buf_view(&b)) && (a.len != 0 || b.len != 0))
        abort();
    sse_free(&whole);
    sse_free(&cut);
    buf_free(&a);
    buf_free(&b);
    return 0;
}
