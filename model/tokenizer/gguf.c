/*
 * The vocabulary inside a GGUF file (version 2 and 3, little-endian): the metadata keys
 * tokenizer.ggml.*.  Kind "llama" is SentencePiece BPE: any two neighbours whose concatenation is
 * a piece may be joined, the best score first; that is a list of merges with ranks by score.
 * Kind "gpt2" carries its merges.
 *
 * Format: "GGUF", u32 version, u64 tensors, u64 pairs; a pair is a string key, u32 type, value; a
 * string is u64 length and bytes; an array is u32 type, u64 count, values.
 */
#include "model/tokenizer/parts.h"

#include "core/json.h"
#include "core/mem.h"
#include "core/unicode.h"

#include <stdlib.h>
#include <string.h>

enum {
    GGUF_UINT32 = 4,
    GGUF_INT32 = 5,
    GGUF_FLOAT32 = 6,
    GGUF_BOOL = 7,
    GGUF_STRING = 8,
    GGUF_ARRAY = 9
};
enum { SPM_PIECE_MAX = 1024 };

struct reader {
    const unsigned char *p;
    size_t left;
    bool torn;
};

/* What the pairs say; arrays are left in the file. */
struct listing {
    struct slice model, pre;
    struct reader tokens, scores, types, merges;
    uint64_t n_tokens, n_scores, n_types, n_merges;
    int64_t bos, eos, pad, unk;
    bool add_bos, add_eos, add_space;
};

static const unsigned char *take(struct reader *r, uint64_t n)
{
    const unsigned char *p = r->p;
    if (r->torn || n > r->left) {
        r->torn = true;
        return NULL;
    }
    r->p += n;
    r->left -= (size_t)n;
    return p;
}

static uint64_t number(struct reader *r, size_t bytes)
{
    const unsigned char *p = take(r, bytes);
    uint64_t x = 0;
    for (size_t i = bytes; p != NULL && i-- > 0;)
        x = x << 8 | p[i];
    return x;
}

static struct slice string(struct reader *r)
{
    uint64_t n = number(r, 8);
    const unsigned char *p = take(r, n);
    return p != NULL ? (struct slice){(const char *)p, (size_t)n} : (struct slice){NULL, 0};
}

static float number_float(struct reader *r)
{
    uint32_t bits = (uint32_t)number(r, 4);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Bytes of a scalar type; 0 for a type that has no fixed size or does not exist. */
static size_t scalar_size(uint32_t type)
{
    static const unsigned char sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

static void skip_array(struct reader *r, uint32_t type, uint64_t count)
{
    size_t size = scalar_size(type);
    if (size != 0) {
        if (count > r->left / size)
            r->torn = true;
        else
            (void)take(r, count * size);
        return;
    }
    if (type != GGUF_STRING) /* arrays of arrays do not occur */
        r->torn = true;
    for (uint64_t i = 0; i < count && !r->torn; i++)
        (void)string(r);
}

static void read_array(struct reader *r, struct slice key, struct listing *l)
{
    uint32_t type = (uint32_t)number(r, 4);
    uint64_t count = number(r, 8);
    struct reader at = *r;
    skip_array(r, type, count);
    if (r->torn)
        return;
    at.left -= r->left;
    if (slice_is(key, "tokenizer.ggml.tokens") && type == GGUF_STRING) {
        l->tokens = at;
        l->n_tokens = count;
    } else if (slice_is(key, "tokenizer.ggml.scores") && type == GGUF_FLOAT32) {
        l->scores = at;
        l->n_scores = count;
    } else if (slice_is(key, "tokenizer.ggml.token_type") && type == GGUF_INT32) {
        l->types = at;
        l->n_types = count;
    } else if (slice_is(key, "tokenizer.ggml.merges") && type == GGUF_STRING) {
        l->merges = at;
        l->n_merges = count;
    }
}

static void read_scalar(struct reader *r, struct slice key, uint32_t type, struct listing *l)
{
    const struct {
        const char *key;
        int64_t *id;
    } ids[] = {
        {"tokenizer.ggml.bos_token_id", &l->bos},
        {"tokenizer.ggml.eos_token_id", &l->eos},
        {"tokenizer.ggml.padding_token_id", &l->pad},
        {"tokenizer.ggml.unknown_token_id", &l->unk},
    };
    size_t size = scalar_size(type);
    uint64_t x;
    if (size == 0)
        r->torn = true;
    x = number(r, size);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (type == GGUF_UINT32 && slice_is(key, ids[i].key))
            *ids[i].id = (int64_t)x;
    if (type != GGUF_BOOL)
        return;
    if (slice_is(key, "tokenizer.ggml.add_bos_token"))
        l->add_bos = x != 0;
    else if (slice_is(key, "tokenizer.ggml.add_eos_token"))
        l->add_eos = x != 0;
    else if (slice_is(key, "tokenizer.ggml.add_space_prefix"))
        l->add_space = x != 0;
}

static void read_pair(struct reader *r, struct listing *l)
{
    struct slice key = string(r);
    uint32_t type = (uint32_t)number(r, 4);
    if (type == GGUF_ARRAY) {
        read_array(r, key, l);
    } else if (type == GGUF_STRING) {
        struct slice value = string(r);
        if (slice_is(key, "tokenizer.ggml.model"))
            l->model = value;
        else if (slice_is(key, "tokenizer.ggml.pre"))
            l->pre = value;
    } else {
        read_scalar(r, key, type, l);
    }
}

static int read_listing(struct slice file, struct listing *l, struct error *error)
{
    struct reader r = {(const unsigned char *)file.data, file.len, false};
    const unsigned char *magic = take(&r, 4);
    uint64_t version, pairs;
    if (magic == NULL || memcmp(magic, "GGUF", 4) != 0)
        return error_set(error, ERROR_INPUT, "not a GGUF file");
    version = number(&r, 4);
    (void)number(&r, 8);
    pairs = number(&r, 8);
    if (version != 2 && version != 3)
        return error_set(error, ERROR_INPUT, "GGUF version %llu is not supported (2 and 3 are)",
                         (unsigned long long)version);
    for (uint64_t i = 0; i < pairs && !r.torn; i++)
        read_pair(&r, l);
    if (r.torn)
        return error_set(error, ERROR_INPUT, "GGUF: the metadata is torn");
    if (l->n_tokens == 0 || l->n_tokens > VOCAB_MAX_ID)
        return error_set(error, ERROR_INPUT, "GGUF: has no tokenizer.ggml.tokens, or too many");
    return 0;
}

/* --- vocabulary ------------------------------------------------------------------------- */

enum {
    TYPE_NORMAL = 1,
    TYPE_UNKNOWN = 2,
    TYPE_CONTROL = 3,
    TYPE_USER = 4,
    TYPE_UNUSED = 5,
    TYPE_BYTE = 6
};

static void add_special(struct tokenizer *t, struct slice content, int32_t id, bool special)
{
    struct added_token a = {.id = id, .special = special, .content = BUF_MAX(PIECE_MAX)};
    buf_slice(&a.content, content);
    t->vocab.pieces[id].special = special;
    added_push(&t->added, &a);
}

static int read_tokens(struct tokenizer *t, const struct listing *l, struct error *error)
{
    static const enum token_type types[] = {
        [TYPE_NORMAL] = TOKEN_NORMAL,   [TYPE_UNKNOWN] = TOKEN_UNKNOWN,
        [TYPE_CONTROL] = TOKEN_CONTROL, [TYPE_USER] = TOKEN_ADDED,
        [TYPE_UNUSED] = TOKEN_NORMAL,   [TYPE_BYTE] = TOKEN_BYTE,
    };
    struct reader tokens = l->tokens, kinds = l->types;
    for (uint64_t i = 0; i < l->n_tokens; i++) {
        struct slice piece = string(&tokens);
        uint64_t kind = i < l->n_types ? number(&kinds, 4) : TYPE_NORMAL;
        if (kind == 0 || kind > TYPE_BYTE)
            return error_set(error, ERROR_INPUT, "GGUF: token %llu has the unknown type %llu",
                             (unsigned long long)i, (unsigned long long)kind);
        if (!utf8_valid(piece))
            return error_set(error, ERROR_INPUT, "GGUF: token %llu is not UTF-8",
                             (unsigned long long)i);
        if (vocab_add(&t->vocab, piece, (int64_t)i, types[kind], error) != 0)
            return error_wrap(error, "GGUF");
        if (kind == TYPE_CONTROL || kind == TYPE_USER || (int64_t)i == l->unk)
            add_special(t, vocab_piece(&t->vocab, (int32_t)i), (int32_t)i, kind != TYPE_USER);
    }
    return 0;
}

/* --- merges by score -------------------------------------------------------------------- */

struct scored {
    float score;
    int32_t id;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* All ways to put a piece together from two others. */
static int add_cuts(struct tokenizer *t, int32_t id, uint32_t rank, struct error *error)
{
    struct slice p = vocab_piece(&t->vocab, id);
    if (p.len > SPM_PIECE_MAX)
        return error_set(error, ERROR_INPUT, "GGUF: token %d is longer than %d bytes", id,
                         SPM_PIECE_MAX);
    for (size_t cut = 1; cut < p.len; cut++) {
        struct slice left = {p.data, cut}, right = {p.data + cut, p.len - cut};
        if (((unsigned char)p.data[cut] & 0xC0) == 0x80 || vocab_find(&t->vocab, left) < 0 ||
            vocab_find(&t->vocab, right) < 0)
            continue;
        if (merges_add(&t->bpe.merges, &t->vocab, left, right, rank, error) != 0)
            return -1;
    }
    return 0;
}

static int read_scores(struct tokenizer *t, const struct listing *l, struct error *error)
{
    struct reader scores = l->scores;
    struct scored *list;
    uint32_t rank = 0;
    size_t n = 0;
    int rc = 0;
    if (l->n_scores != l->n_tokens)
        return error_set(error, ERROR_INPUT,
                         "GGUF: a vocabulary of kind llama needs a score for "
                         "each token");
    list = mem_alloc((size_t)l->n_tokens * sizeof *list);
    for (int32_t id = 0; id < t->vocab.size; id++) {
        float score = number_float(&scores);
        if (t->vocab.pieces[id].type == TOKEN_NORMAL && score == score)
            list[n++] = (struct scored){score, id};
    }
    qsort(list, n, sizeof *list, by_score);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rank += i > 0 && list[i].score != list[i - 1].score;
        rc = add_cuts(t, list[i].id, rank, error);
    }
    mem_free(list);
    return rc;
}

static int read_merges(struct tokenizer *t, const struct listing *l, struct error *error)
{
    struct reader merges = l->merges;
    if (l->n_merges > VOCAB_MAX_ID)
        return error_set(error, ERROR_INPUT, "GGUF: too many merges");
    for (uint64_t i = 0; i < l->n_merges; i++) {
        struct slice pair = string(&merges), left, right;
        const char *blank = pair.len != 0 ? memchr(pair.data + 1, ' ', pair.len - 1) : NULL;
        if (blank == NULL)
            return error_set(error, ERROR_INPUT, "GGUF: merge %llu is not \"a b\"",
                             (unsigned long long)i);
        left = (struct slice){pair.data, (size_t)(blank - pair.data)};
        right = slice_sub(pair, left.len + 1, pair.len);
        if (merges_add(&t->bpe.merges, &t->vocab, left, right, (uint32_t)i, error) != 0)
            return error_wrap(error, "GGUF");
    }
    return 0;
}

/* --- the whole -------------------------------------------------------------------------- */

static int32_t checked(int64_t id, const struct tokenizer *t)
{
    return id >= 0 && id < t->vocab.size ? (int32_t)id : -1;
}

/* The tokenizer.json of Llama 2 in our parts. */
static int build_spm(struct tokenizer *t, const struct listing *l, struct error *error)
{
    static const char json[] =
        "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":["
        "{\"type\":\"Prepend\",\"prepend\":\"\\u2581\"},"
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\\u2581\"}]},"
        "\"plain\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\\u2581\"},"
        "\"decoder\":{\"type\":\"Sequence\",\"decoders\":["
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\\u2581\"},\"content\":\" \"},"
        "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},"
        "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]}}";
    struct json *root = json_parse(SLICE(json), 0, error);
    int rc = -1;
    if (root != NULL &&
        tokenizer_parse_normalizer(&t->normalizers,
                                   json_get(root, l->add_space ? "normalizer" : "plain"),
                                   error) == 0)
        rc = tokenizer_parse_decoder(&t->decoders, json_get(root, "decoder"), error);
    json_free(root);
    if (rc == 0 && !l->add_space)
        t->decoders.steps[t->decoders.n - 1].start = 0;
    t->kind = TOKENIZER_SPM_BPE;
    t->bpe.byte_fallback = t->bpe.fuse_unk = true;
    t->bpe.unk = t->unk;
    return rc == 0 ? read_scores(t, l, error) : -1;
}

static int build_gpt2(struct tokenizer *t, const struct listing *l, struct error *error)
{
    t->kind = TOKENIZER_BYTE_BPE;
    t->decoders.steps[t->decoders.n++] = (struct decoder){.kind = DECODE_BYTE_LEVEL};
    if (splitters_by_name(&t->splitters, &t->normalizers, l->pre, error) != 0)
        return -1;
    return read_merges(t, l, error);
}

static int build(struct tokenizer *t, const struct listing *l, struct error *error)
{
    if (read_tokens(t, l, error) != 0)
        return -1;
    t->bos = checked(l->bos, t);
    t->eos = checked(l->eos, t);
    t->pad = checked(l->pad, t);
    t->unk = checked(l->unk, t);
    if (l->add_bos && t->bos >= 0)
        t->before[t->n_before++] = t->bos;
    if (l->add_eos && t->eos >= 0)
        t->after[t->n_after++] = t->eos;
    if (slice_is(l->model, "llama"))
        return build_spm(t, l, error);
    if (slice_is(l->model, "gpt2"))
        return build_gpt2(t, l, error);
    return error_set(error, ERROR_INPUT,
                     "GGUF: tokenizer.ggml.model \"%.*s\" is not supported (llama "
                     "and gpt2 are)",
                     (int)(l->model.len < 40 ? l->model.len : 40),
                     l->model.data != NULL ? l->model.data : "");
}

struct tokenizer *tokenizer_parse_gguf(struct slice file, struct error *error)
{
    struct listing l = {.bos = -1, .eos = -1, .pad = -1, .unk = -1, .add_space = true};
    struct tokenizer *t;
    if (read_listing(file, &l, error) != 0)
        return NULL;
    t = tokenizer_new();
    if (build(t, &l, error) != 0 || tokenizer_complete(t, error) != 0) {
        tokenizer_free(t);
        return NULL;
    }
    tokenizer_digest_parts(t);
    return t;
}
