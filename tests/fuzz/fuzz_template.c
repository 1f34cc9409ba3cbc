/* Templates and structured replies: any text. */
#include "gen/structured.h"
#include "gen/template.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_from(data, size);
    struct gen_field fields[] = {{"a", SLICE("{{b}}")}, {"b", text}};
    struct buf out = BUF_MAX(1 << 16);
    struct slice json = structured_extract(text);
    (void)template_fill(text, fields, 2, &out, NULL);
    if (size && (json.data < text.data || json.data + json.len > text.data + text.len))
        abort();
    buf_free(&out);
    return 0;
}
