/* The XML checker, and the constraints read out of a request, on any bytes. */
#include "core/unicode.h"
#include "filter/asked.h"
#include "filter/xml.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice text = slice_from((const char *)data, size);
    struct asked asked[ASKED_MOST];
    const char *why;
    size_t at;
    (void)xml_well_formed(text, &why, &at);
    if (at > size)
        __builtin_trap();
    for (size_t n = asked_of(text, asked); n > 0; n--)
        json_free(asked[n - 1].args);
    return 0;
}
