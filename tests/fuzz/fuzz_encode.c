/*
 * Any text through three vocabularies.  Byte-level: decoding gives the repaired text back, whole
 * and streamed; a cut gives the ids of the two sides; ranges cover the text.  The others: ids and
 * ranges in bounds, the same with the cache and without.
 */
#include "core/unicode.h"
#include "model/tokenizer_train.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tokenizer *tokenizers[3];
static struct tokenizer_scratch *scratches[3];

static const char spm[] =
    "{\"added_tokens\":[{\"id\":1,\"content\":\"<s>\",\"special\":true},{\"id\":8,\"content\":"
    "\"ab\","
    "\"normalized\":true,\"lstrip\":true,\"rstrip\":true}],\"normalizer\":{\"type\":\"Sequence\","
    "\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"Prepend\",\"prepend\":\"\\u2581\"},"
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\\u2581\"}]},"
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"fuse_unk\":true,\"vocab\":{\"<unk>\":0,"
    "\"<s>\":1,\"\\u2581\":2,\"a\":3,\"b\":4,\"aa\":5,\"\\u2581a\":6,\"aaaa\":7},"
    "\"merges\":[\"a a\",\"\\u2581 a\",\"aa aa\"]}}";
static const char bert[] =
    "{\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":"
    "true,"
    "\"strip_accents\":null,\"lowercase\":true},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
    "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"a\":1,\"##a\":2,"
    "\"b\":3,\"##b\":4,\"ab\":5,\"!\":6}}}";

static void prepare(void)
{
    static const char *const specials[] = {"<s>", "<|x|>", NULL};
    const struct tokenizer_train_options options = {.vocab_size = 400, .specials = specials};
    struct tokenizer_trainer *r = tokenizer_trainer_new(&options, NULL);
    for (int i = 0; i < 4; i++)
        tokenizer_trainer_add(r, SLICE("the cat's hat isn't theirs  aaaa 1234 \xC3\xA9\n\n x"),
                              NULL);
    tokenizers[0] = tokenizer_trainer_finish(r, NULL);
    tokenizer_trainer_free(r);
    tokenizers[1] = tokenizer_parse(SLICE(spm), (struct slice){NULL, 0}, NULL);
    tokenizers[2] = tokenizer_parse(SLICE(bert), (struct slice){NULL, 0}, NULL);
    for (int i = 0; i < 3; i++) {
        if (tokenizers[i] == NULL)
            abort();
        scratches[i] = tokenizer_scratch_new(tokenizers[i]);
    }
}

static void encode(int which, struct slice text, unsigned flags, struct tokens *out)
{
    if (tokenizer_encode(tokenizers[which], scratches[which], text, flags, out, NULL) != 0)
        abort();
}

static void same(const struct tokens *a, const struct tokens *b)
{
    if (a->n != b->n || (a->n != 0 && memcmp(a->ids, b->ids, a->n * sizeof *a->ids) != 0))
        abort();
}

static void check_all(int which, struct slice text, unsigned flags)
{
    struct tokens fast = TOKENS, ranged = TOKENS;
    encode(which, text, flags, &fast);
    encode(which, text, flags | TOKENIZER_RANGES, &ranged);
    same(&fast, &ranged);
    for (size_t i = 0; i < ranged.n; i++)
        if (ranged.ranges[i].begin > ranged.ranges[i].end || ranged.ranges[i].end > text.len)
            abort();
    tokens_free(&fast);
    tokens_free(&ranged);
}

static void check_round_trip(struct slice text)
{
    struct buf whole = BUF, streamed = BUF, repaired = BUF;
    struct tokens v = TOKENS;
    struct tokenizer_stream *s = tokenizer_stream_new(tokenizers[0], 0);
    utf8_repair(text, &repaired);
    encode(0, text, TOKENIZER_PARSE, &v);
    tokenizer_decode(tokenizers[0], v.ids, v.n, 0, &whole);
    for (size_t i = 0; i < v.n; i++)
        tokenizer_stream_add(s, v.ids[i], &streamed);
    tokenizer_stream_end(s, &streamed);
    if (!slice_equal(buf_view(&whole), buf_view(&repaired)) ||
        !slice_equal(buf_view(&whole), buf_view(&streamed)))
        abort();
    tokenizer_stream_free(s);
    tokens_free(&v);
    buf_free(&whole);
    buf_free(&streamed);
    buf_free(&repaired);
}

static void check_cut(struct slice text, size_t at)
{
    struct tokenizer_span spans[2] = {{0, at, 0, false}, {at, text.len, TOKENIZER_PARSE, true}};
    const struct tokenizer_text cut = {text, spans, 2, 0};
    struct tokens apart = TOKENS, together = TOKENS;
    size_t starts[2];
    if (tokenizer_encode_spans(tokenizers[0], scratches[0], &cut, starts, &together, NULL) != 0)
        return; /* inside a character */
    encode(0, slice_sub(text, 0, at), 0, &apart);
    if (starts[1] != apart.n)
        abort();
    encode(0, slice_sub(text, at, text.len), TOKENIZER_PARSE, &apart);
    same(&apart, &together);
    tokens_free(&apart);
    tokens_free(&together);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_from(data, size);
    if (tokenizers[0] == NULL)
        prepare();
    if (size < 1)
        return 0;
    text = slice_sub(text, 1, size);
    for (int i = 0; i < 3; i++) {
        check_all(i, text, 0);
        check_all(i, text, TOKENIZER_PARSE | TOKENIZER_TEMPLATE);
    }
    check_round_trip(text);
    check_cut(text, text.len != 0 ? data[0] % (text.len + 1) : 0);
    return 0;
}
