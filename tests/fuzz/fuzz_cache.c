/* A cache of a teacher's values: refused, or every value that training reads of it is there.  The
 * first byte says what is wanted (top-k or whole rows, hidden states), the rest is the file. */
#include "core/mem.h"
#include "train/distill/cache.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COMMON = 8, WIDTH = 3 };

static volatile float sink;

static void read_all(const struct cache *c, const struct cache_want *w)
{
    for (uint32_t i = 0; i < w->examples->n; i++) {
        for (uint32_t k = 0; k < w->examples->items[i].supervised; k++) {
            if (w->top_k != 0) {
                const struct labels labels = cache_labels(c);
                const struct soft_top top = labels_top(&labels, i, k);
                for (int32_t n = 0; n < top.n; n++) {
                    sink = top.logprobs[n];
                    if (top.ids[n] < 0 || top.ids[n] >= COMMON)
                        abort();
                }
            } else {
                for (size_t n = 0; n < COMMON; n++)
                    sink = cache_logits(c, i, k)[n];
            }
        }
        for (uint32_t t = 0; w->n_layers != 0 && t < w->examples->items[i].length; t++)
            for (size_t n = 0; n < w->n_layers * WIDTH; n++)
                sink = cache_hidden(c, i, t)[n];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct example items[] = {{.first = 0, .length = 3, .supervised = 2},
                                     {.first = 3, .length = 2, .supervised = 1}};
    static const int32_t layers[] = {1, 2};
    const struct examples e = {.items = items, .n = 2, .n_tokens = 5};
    struct cache_want w = {.temperature = 1, .common = COMMON, .examples = &e, .width = WIDTH};
    struct safetensors *file;
    struct cache *c;
    unsigned char *aligned; /* as a mapping is */
    if (size == 0)
        return 0;
    aligned = mem_alloc(size);
    memcpy(aligned, data + 1, size - 1);
    w.top_k = data[0] & 1 ? 2 : 0;
    w.layers = layers;
    w.n_layers = data[0] & 2 ? 2 : 0;
    file = safetensors_parse(slice_from(aligned, size - 1), "file", NULL);
    if (file != NULL && cache_take(&c, file, "file", &w, NULL) == 1) {
        read_all(c, &w);
        cache_close(c);
    }
    mem_free(aligned);
    return 0;
}
