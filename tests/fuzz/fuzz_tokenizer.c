/* A tokenizer.json, a NUL, a text: loading must end; what loads must encode and decode in bounds. */
#include "model/tokenizer.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct tokenizer *t, struct slice text, unsigned flags)
{
    struct tokenizer_scratch *s = tokenizer_scratch_new(t);
    struct tokens v = TOKENS;
    struct buf out = BUF_MAX(1 << 20);
    if (tokenizer_encode(t, s, text, flags | TOKENIZER_RANGES, &v, NULL) == 0)
        for (size_t i = 0; i < v.n; i++)
            if (v.ids[i] < 0 || v.ids[i] >= tokenizer_size(t) ||
                v.ranges[i].begin > v.ranges[i].end || v.ranges[i].end > text.len)
                abort();
    (void)tokenizer_decode(t, v.ids, v.n, flags, &out);
    for (int32_t id = -1; id <= tokenizer_size(t) && id < 50; id++)
        (void)tokenizer_bytes(t, id, &out);
    tokens_free(&v);
    buf_free(&out);
    tokenizer_scratch_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice whole = slice_from(data, size);
    size_t end = slice_find(whole, (struct slice){"", 1});
    struct slice text = slice_sub(whole, end + 1, size);
    struct tokenizer *t = tokenizer_parse(slice_sub(whole, 0, end), (struct slice){NULL, 0}, NULL);
    if (t == NULL)
        return 0;
    use(t, text, 0);
    use(t, text, TOKENIZER_PARSE | TOKENIZER_TEMPLATE);
    use(t, text, TOKENIZER_PARSE_ADDED | TOKENIZER_SKIP_SPECIAL);
    tokenizer_free(t);
    return 0;
}
