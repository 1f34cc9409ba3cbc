/* safetensors from memory: the header, and every number of what it lets pass. */
#include "model/safetensors.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct safetensors *s = safetensors_parse(slice_from(data, size), "fuzz", &error);
    if (s == NULL)
        return 0;
    for (size_t i = 0; i < safetensors_count(s); i++) {
        const struct safetensors_entry *e = safetensors_at(s, i);
        size_t n = 1;
        float x[64];
        for (int d = 0; d < e->dims; d++)
            n *= (size_t)e->shape[d];
        for (size_t at = 0; at < n; at += 64)
            if (safetensors_floats(e, at, n - at < 64 ? n - at : 64, x, &error) != 0)
                break;
        if (safetensors_find(s, e->name) != e)
            abort();
    }
    safetensors_close(s);
    return 0;
}
