/* Shingling, signing, normalising and comparing any bytes; the kernels agree. */
#include "filter/minhash.h"
#include "filter/normal.h"
#include "filter/similar.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_shingles(struct slice a, struct slice b)
{
    struct shingler want, got;
    const struct mask_kernel *last = mask_kernels;
    while (last[1].name != NULL)
        last++;
    shingle_init(&want, last);
    shingle_start(&want);
    shingle_add(&want, a);
    shingle_add(&want, b);
    shingle_end(&want);
    for (const struct mask_kernel *k = mask_kernels; k->name != NULL; k++) {
        if (!k->usable())
            continue;
        shingle_init(&got, k);
        shingle_start(&got);
        shingle_add(&got, a);
        shingle_add(&got, b);
        shingle_end(&got);
        if (got.n != want.n ||
            (got.n > 0 && memcmp(got.items, want.items, got.n * sizeof *got.items) != 0))
            abort();
        shingle_free(&got);
    }
    shingle_free(&want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice a = slice_from(data, size / 2),
                       b = slice_from(data + size / 2, size - size / 2);
    const struct normal_options how = {true, true, true, size % 2 == 0};
    struct similar_text x, y;
    struct similar_result r;
    struct shingler s;
    struct buf scratch = BUF, out = BUF;
    same_shingles(a, b);
    normal_text(a, &how, &scratch, &out);
    shingle_init(&s, NULL);
    similar_prepare(&x, &s, SIMILAR_ALL, &a, 1, b);
    similar_prepare(&y, &s, SIMILAR_ALL, &b, 1, a);
    similar_judge(&x, &x, SIMILAR_ALL, 0.8, &r);
    if (r.kind != SIMILAR_DUPLICATE)
        abort();
    similar_judge(&x, &y, SIMILAR_ALL, 0.5, &r);
    similar_free(&x);
    similar_free(&y);
    shingle_free(&s);
    buf_free(&scratch);
    buf_free(&out);
    return 0;
}
