/* config.json: whatever is accepted can be measured, copied and written, and reads again. */
#include "model/model.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct model_options full = {.method = MODEL_FULL};
    const struct model_limits limits = {.tokens = 64, .supervised = 8, .backward = true};
    struct error error;
    struct buf text = BUF;
    struct model_config c, again;
    if (config_parse(&c, slice_from(data, size), "fuzz", &error) != 0)
        return 0;
    if (config_parameters(&c) <= 0 || c.heads % c.kv_heads != 0)
        abort();
    if (c.layers <= 64 && model_memory(&c, &full, &limits).total <= 0)
        abort();
    if (config_write(&c, DTYPE_BF16, &text) != 0 ||
        config_parse(&again, buf_view(&text), "fuzz", &error) != 0)
        abort();
    if (config_parameters(&again) != config_parameters(&c))
        abort();
    config_clear(&again);
    config_clear(&c);
    buf_free(&text);
    return 0;
}
