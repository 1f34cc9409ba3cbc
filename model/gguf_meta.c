/* The key-values of a GGUF file: the shape of the model, its tokenizer, its template. */
#include "model/gguf.h"

#include "core/mem.h"

#include <string.h>

enum value_type {
    VALUE_U32 = 4,
    VALUE_I32 = 5,
    VALUE_F32 = 6,
    VALUE_BOOL = 7,
    VALUE_STRING = 8,
    VALUE_ARRAY = 9
};
/* llama.cpp's token types */
enum {
    KIND_NORMAL = 1,
    KIND_UNKNOWN = 2,
    KIND_CONTROL = 3,
    KIND_USER = 4,
    KIND_UNUSED = 5,
    KIND_BYTE = 6
};

void gguf_put_u32(struct buf *b, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        buf_char(b, (char)(unsigned char)(x >> 8 * i));
}

void gguf_put_u64(struct buf *b, uint64_t x)
{
    for (int i = 0; i < 8; i++)
        buf_char(b, (char)(unsigned char)(x >> 8 * i));
}

void gguf_put_string(struct buf *b, struct slice s)
{
    gguf_put_u64(b, s.len);
    buf_slice(b, s);
}

static void put_float(struct buf *b, float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    gguf_put_u32(b, bits);
}

/* "arch.key", or the key alone where arch is NULL. */
static struct buf *put_key(struct gguf_meta *m, const char *arch, const char *key,
                           enum value_type type)
{
    struct buf name = BUF_MAX(256);
    buf_printf(&name, "%s%s%s", arch != NULL ? arch : "", arch != NULL ? "." : "", key);
    gguf_put_string(&m->out, buf_view(&name));
    gguf_put_u32(&m->out, type);
    buf_free(&name);
    m->n++;
    return &m->out;
}

static void put_number(struct gguf_meta *m, const char *arch, const char *key, int64_t x)
{
    gguf_put_u32(put_key(m, arch, key, VALUE_U32), (uint32_t)x);
}

static void put_text(struct gguf_meta *m, const char *arch, const char *key, struct slice text)
{
    gguf_put_string(put_key(m, arch, key, VALUE_STRING), text);
}

static void put_bool(struct gguf_meta *m, const char *key, bool x)
{
    buf_char(put_key(m, NULL, key, VALUE_BOOL), x ? 1 : 0);
}

static void add_rope(struct gguf_meta *m, const struct model_config *c)
{
    const char *arch = c->arch->gguf;
    put_number(m, arch, "rope.dimension_count", c->head_dim);
    put_float(put_key(m, arch, "rope.freq_base", VALUE_F32), (float)c->rope.theta);
    if (c->rope.kind != ROPE_LINEAR && c->rope.kind != ROPE_YARN)
        return;
    put_text(m, arch, "rope.scaling.type",
             slice_of(c->rope.kind == ROPE_LINEAR ? "linear" : "yarn"));
    put_float(put_key(m, arch, "rope.scaling.factor", VALUE_F32), (float)c->rope.factor);
    if (c->rope.kind == ROPE_YARN)
        put_number(m, arch, "rope.scaling.original_context_length", c->rope.original_positions);
}

static void add_shape(struct gguf_meta *m, const struct model_config *c)
{
    const char *arch = c->arch->gguf;
    put_number(m, arch, "vocab_size", c->vocab);
    put_number(m, arch, "context_length", c->positions);
    put_number(m, arch, "embedding_length", c->hidden);
    put_number(m, arch, "block_count", c->layers);
    put_number(m, arch, "feed_forward_length", c->ff);
    put_number(m, arch, "attention.head_count", c->heads);
    put_number(m, arch, "attention.head_count_kv", c->kv_heads);
    put_number(m, arch, "attention.key_length", c->head_dim);
    put_number(m, arch, "attention.value_length", c->head_dim);
    put_float(put_key(m, arch,
                      c->norm == NORM_RMS ? "attention.layer_norm_rms_epsilon"
                                          : "attention.layer_norm_epsilon",
                      VALUE_F32),
              (float)c->norm_epsilon);
    if (c->window > 0)
        put_number(m, arch, "attention.sliding_window", c->window);
    if (c->position == POSITION_ROPE)
        add_rope(m, c);
}

static uint32_t kind_of(const struct tokenizer *t, int32_t id)
{
    if (id >= tokenizer_size(t))
        return KIND_UNUSED;
    switch (tokenizer_type(t, id)) {
    case TOKEN_UNKNOWN: return KIND_UNKNOWN;
    case TOKEN_CONTROL: return KIND_CONTROL;
    case TOKEN_ADDED: return KIND_USER;
    case TOKEN_BYTE: return KIND_BYTE;
    case TOKEN_HOLE: return KIND_UNUSED;
    case TOKEN_NORMAL: break;
    }
    return KIND_NORMAL;
}

/* One entry for each row of the embedding; rows without a token get a name of their own. */
static void add_tokens(struct gguf_meta *m, const struct tokenizer *t, int32_t rows)
{
    struct buf *b = put_key(m, NULL, "tokenizer.ggml.tokens", VALUE_ARRAY);
    gguf_put_u32(b, VALUE_STRING);
    gguf_put_u64(b, (uint64_t)rows);
    for (int32_t id = 0; id < rows; id++) {
        struct buf none = BUF_MAX(32);
        struct slice piece = {NULL, 0};
        if (kind_of(t, id) != KIND_UNUSED)
            piece = tokenizer_piece(t, id);
        buf_printf(&none, "[PAD%d]", (int)id);
        gguf_put_string(b, piece.data != NULL ? piece : buf_view(&none));
        buf_free(&none);
    }
    b = put_key(m, NULL, "tokenizer.ggml.token_type", VALUE_ARRAY);
    gguf_put_u32(b, VALUE_I32);
    gguf_put_u64(b, (uint64_t)rows);
    for (int32_t id = 0; id < rows; id++)
        gguf_put_u32(b, kind_of(t, id));
}

static void add_merges(struct gguf_meta *m, const struct tokenizer *t)
{
    struct buf *b = put_key(m, NULL, "tokenizer.ggml.merges", VALUE_ARRAY);
    gguf_put_u32(b, VALUE_STRING);
    gguf_put_u64(b, tokenizer_merges(t));
    for (size_t i = 0; i < tokenizer_merges(t); i++) {
        struct buf pair = BUF_MAX(1 << 20);
        struct slice left, right;
        tokenizer_merge(t, i, &left, &right);
        buf_slice(&pair, left);
        buf_char(&pair, ' ');
        buf_slice(&pair, right);
        gguf_put_string(b, buf_view(&pair));
        buf_free(&pair);
    }
}

/* llama.cpp's SentencePiece merges the pair whose result has the highest score: minus the rank. */
static void add_scores(struct gguf_meta *m, const struct tokenizer *t, int32_t rows)
{
    float *scores = mem_zero((size_t)rows, sizeof *scores);
    struct buf *b = put_key(m, NULL, "tokenizer.ggml.scores", VALUE_ARRAY);
    for (size_t i = tokenizer_merges(t); i > 0; i--) {
        struct buf both = BUF_MAX(1 << 20);
        struct slice left, right;
        int32_t id;
        tokenizer_merge(t, i - 1, &left, &right);
        buf_slice(&both, left);
        buf_slice(&both, right);
        id = tokenizer_id(t, buf_view(&both));
        if (id >= 0 && id < rows)
            scores[id] = -(float)i;
        buf_free(&both);
    }
    gguf_put_u32(b, VALUE_F32);
    gguf_put_u64(b, (uint64_t)rows);
    for (int32_t id = 0; id < rows; id++)
        put_float(b, scores[id]);
    mem_free(scores);
}

static void put_id(struct gguf_meta *m, const char *key, int32_t id)
{
    if (id >= 0)
        put_number(m, NULL, key, id);
}

/* Does the post-processor begin with the bos token? */
static bool adds_bos(const struct tokenizer *t)
{
    struct tokenizer_scratch *s = tokenizer_scratch_new(t);
    struct tokens ids = TOKENS;
    bool found = false;
    if (tokenizer_encode(t, s, SLICE("a"), TOKENIZER_TEMPLATE, &ids, NULL) == 0)
        found = ids.n > 0 && tokenizer_bos(t) >= 0 && ids.ids[0] == tokenizer_bos(t);
    tokens_free(&ids);
    tokenizer_scratch_free(s);
    return found;
}

/* {%- set NAME = '…' %}: what a piece is called in the template. */
static void set_piece(struct buf *b, const char *name, const struct tokenizer *t, int32_t id)
{
    const struct slice piece = id >= 0 ? tokenizer_piece(t, id) : SLICE("");
    buf_printf(b, "{%%- set %s = '", name);
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.data[i] == '\'' || piece.data[i] == '\\')
            buf_char(b, '\\');
        buf_char(b, piece.data[i]);
    }
    buf_str(b, "' %}");
}

/* In a GGUF file bos_token and eos_token are the texts of the ids that `m` was given, and llama.cpp
 * makes one up where there is none; in a folder they are what tokenizer_config.json says, or
 * nothing.  Where the two differ the template says it itself. */
static void add_template(struct gguf_meta *m, const struct gguf_options *o, int32_t bos,
                         int32_t eos)
{
    const struct tokenizer *t = o->tokenizer;
    const struct slice source = o->chat_template;
    struct buf text = BUF;
    if (bos != tokenizer_bos(t) || bos < 0)
        set_piece(&text, "bos_token", t, tokenizer_bos(t));
    if (eos != tokenizer_eos(t) || eos < 0)
        set_piece(&text, "eos_token", t, tokenizer_eos(t));
    if (text.len > 0 && slice_starts(source, "\n"))
        buf_char(&text, '\n'); /* the line end behind a block goes */
    buf_slice(&text, source);
    put_text(m, NULL, "tokenizer.chat_template", buf_view(&text));
    buf_free(&text);
}

static void add_tokenizer(struct gguf_meta *m, const struct model_config *c,
                          const struct gguf_options *o)
{
    const struct tokenizer *t = o->tokenizer;
    const bool bytes = tokenizer_kind(t) == TOKENIZER_BYTE_BPE;
    const int32_t bos = tokenizer_bos(t) >= 0 ? tokenizer_bos(t) : c->bos;
    const int32_t eos = o->stop >= 0 ? o->stop : c->n_eos > 0 ? c->eos[0] : tokenizer_eos(t);
    put_text(m, NULL, "tokenizer.ggml.model", slice_of(bytes ? "gpt2" : "llama"));
    if (bytes)
        put_text(m, NULL, "tokenizer.ggml.pre", slice_of(tokenizer_split_name(t)));
    add_tokens(m, t, c->vocab);
    if (bytes)
        add_merges(m, t);
    else
        add_scores(m, t, c->vocab);
    put_id(m, "tokenizer.ggml.bos_token_id", bos);
    put_id(m, "tokenizer.ggml.eos_token_id", eos);
    put_id(m, "tokenizer.ggml.unknown_token_id", tokenizer_unk(t));
    put_id(m, "tokenizer.ggml.padding_token_id", tokenizer_pad(t));
    put_bool(m, "tokenizer.ggml.add_bos_token", adds_bos(t));
    if (o->chat_template.data != NULL)
        add_template(m, o, bos, eos);
}

void gguf_meta_add(struct gguf_meta *meta, struct model *m, const struct gguf_options *o)
{
    const struct model_config *c = model_config(m);
    /* llama.cpp's LLAMA_FTYPE of each type. */
    const int64_t file = o->type == GGUF_F32    ? 0
                         : o->type == GGUF_F16  ? 1
                         : o->type == GGUF_Q8_0 ? 7
                                                : 32;
    put_text(meta, NULL, "general.architecture", slice_of(c->arch->gguf));
    put_text(meta, NULL, "general.name", slice_of(o->name != NULL ? o->name : c->arch->model_type));
    put_text(meta, NULL, "general.type", SLICE("model"));
    put_number(meta, NULL, "general.quantization_version", 2);
    put_number(meta, NULL, "general.file_type", file);
    put_number(meta, NULL, "general.alignment", 32);
    add_shape(meta, c);
    if (o->tokenizer != NULL)
        add_tokenizer(meta, c, o);
}
