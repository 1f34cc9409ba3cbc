/* Shingling, signing, normalising and comparing any bytes; the kernels agree. */
#include "core/mem.h"
#include "filter/kernels/fold.h"
#include "filter/minhash.h"
#include "filter/normal.h"
#include "filter/similar.h"
#include "tests/filter/plain_sets.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_shingles(struct slice a, struct slice b)
{
    struct shingler want, got;
    const struct words_kernel *last = words_kernels;
    while (last[1].name != NULL)
        last++;
    shingle_init(&want, last);
    shingle_start(&want);
    shingle_add(&want, a);
    shingle_add(&want, b);
    shingle_end(&want);
    for (const struct words_kernel *k = words_kernels; k->name != NULL; k++) {
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

/* What a kernel makes of the text, from `at` on where it is Han. */
struct folded {
    unsigned char *bytes[3];
    size_t n[3], read;
};

static struct folded fold(const struct fold_kernel *k, struct slice text, size_t at)
{
    const unsigned char *p = (const unsigned char *)text.data;
    struct folded out;
    for (int i = 0; i < 3; i++)
        out.bytes[i] = mem_alloc(text.len + FOLD_SLACK);
    struct fold f = {out.bytes[0], false, false};
    out.read = k->ascii(p, text.len, at % 2 == 0, &f);
    out.n[0] = (size_t)(f.to - out.bytes[0]);
    out.n[1] = k->han(p + at, text.len - at, out.bytes[1]);
    out.n[2] = k->digits(p, text.len, out.bytes[2]);
    return out;
}

static void same_folds(struct slice text)
{
    const struct fold_kernel *last = fold_kernels;
    const size_t at = text.len > 0 ? (unsigned char)text.data[0] % text.len : 0;
    while (last[1].name != NULL)
        last++;
    struct folded want = fold(last, text, at);
    for (const struct fold_kernel *k = fold_kernels; k->name != NULL; k++) {
        if (!k->usable())
            continue;
        struct folded got = fold(k, text, at);
        for (int i = 0; i < 3; i++) {
            if (got.read != want.read || got.n[i] != want.n[i] ||
                memcmp(got.bytes[i], want.bytes[i], want.n[i]) != 0)
                abort();
            mem_free(got.bytes[i]);
        }
    }
    for (int i = 0; i < 3; i++)
        mem_free(want.bytes[i]);
}

/* The distinct shingles of one or two pieces. */
static size_t distinct(struct slice a, struct slice b)
{
    struct shingler s;
    shingle_init(&s, NULL);
    shingle_start(&s);
    shingle_add(&s, a);
    shingle_add(&s, b);
    shingle_end(&s);
    plain_set(&s);
    const size_t n = s.n;
    shingle_free(&s);
    return n;
}

static void same_sets(const struct similar_text *t, struct slice prompt, struct slice output)
{
    if (t->n_whole != distinct(prompt, output) || t->n_output != distinct(output, SLICE("")))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice a = slice_from(data, size / 2),
                       b = slice_from(data + size / 2, size - size / 2);
    const struct normal_options how = {true, true, true, size % 2 == 0};
    const struct similar_row forth = {{a}, b, 1}, back = {{b}, a, 1};
    struct similar_text x, y;
    struct similar_result r;
    struct similar_scratch s;
    struct buf scratch = BUF, out = BUF;
    same_shingles(a, b);
    same_folds(a);
    normal_text(a, &how, &scratch, &out);
    similar_open(&s);
    similar_shingles(&x, &s, SIMILAR_ALL, &forth);
    similar_tokens(&x, &s, &forth);
    similar_shingles(&y, &s, SIMILAR_ALL, &back);
    similar_tokens(&y, &s, &back);
    same_sets(&x, a, b);
    similar_measure(&x, &x, SIMILAR_ALL, 0.8, &r);
    if (r.kind != SIMILAR_DUPLICATE)
        abort();
    similar_measure(&x, &y, SIMILAR_ALL, 0.5, &r);
    if (r.kind == SIMILAR_DUPLICATE)
        similar_tell(&x, &y, SIMILAR_ALL, &r);
    similar_close(&s);
    buf_free(&scratch);
    buf_free(&out);
    return 0;
}
