/* The vocabulary of a GGUF file: reading must end, and what is read must encode. */
#include "model/tokenizer.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokenizer *t = tokenizer_parse_gguf(slice_from(data, size), NULL);
    struct tokenizer_scratch *s;
    struct tokens v = TOKENS;
    if (t == NULL)
        return 0;
    s = tokenizer_scratch_new(t);
    (void)tokenizer_encode(t, s, SLICE(" hello <s> \xE4\xBD\xA0 aaaa\n"),
                           TOKENIZER_PARSE | TOKENIZER_TEMPLATE, &v, NULL);
    for (size_t i = 0; i < v.n; i++)
        if (v.ids[i] < 0 || v.ids[i] >= tokenizer_size(t))
            abort();
    tokens_free(&v);
    tokenizer_scratch_free(s);
    tokenizer_free(t);
    return 0;
}
