/* What a loaded tokenizer says about its vocabulary. */
#include "model/tokenizer/parts.h"

enum tokenizer_kind tokenizer_kind(const struct tokenizer *t)
{
    return t->kind;
}

int32_t tokenizer_size(const struct tokenizer *t)
{
    return t->vocab.size;
}

int32_t tokenizer_id(const struct tokenizer *t, struct slice piece)
{
    return vocab_find(&t->vocab, piece);
}

struct slice tokenizer_piece(const struct tokenizer *t, int32_t id)
{
    return vocab_piece(&t->vocab, id);
}

enum token_type tokenizer_type(const struct tokenizer *t, int32_t id)
{
    return id < 0 || id >= t->vocab.size ? TOKEN_HOLE : t->vocab.pieces[id].type;
}

bool tokenizer_is_special(const struct tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->vocab.size && t->vocab.pieces[id].special;
}

int32_t tokenizer_bos(const struct tokenizer *t)
{
    return t->bos;
}

int32_t tokenizer_eos(const struct tokenizer *t)
{
    return t->eos;
}

int32_t tokenizer_pad(const struct tokenizer *t)
{
    return t->pad;
}

int32_t tokenizer_unk(const struct tokenizer *t)
{
    return t->unk;
}

size_t tokenizer_merges(const struct tokenizer *t)
{
    return t->bpe.merges.n;
}

void tokenizer_merge(const struct tokenizer *t, size_t rank, struct slice *left,
                     struct slice *right)
{
    uint64_t key = rank < t->bpe.merges.n ? t->bpe.merges.list[rank].key : MERGE_EMPTY;
    *left = vocab_piece(&t->vocab, (int32_t)(key >> 32));
    *right = vocab_piece(&t->vocab, (int32_t)(key & 0xFFFFFFFFu));
}

const char *tokenizer_split_name(const struct tokenizer *t)
{
    return t->splitters.name;
}

const char *tokenizer_digest(const struct tokenizer *t)
{
    return t->digest;
}

size_t tokenizer_memory(const struct tokenizer *t)
{
    const struct vocab *v = &t->vocab;
    const struct merges *m = &t->bpe.merges;
    size_t bytes = sizeof *t + v->pool_cap + v->cap * sizeof *v->pieces +
                   v->table_size * sizeof *v->table + m->cap * sizeof *m->list + t->source.cap +
                   t->config.cap;
    if (m->table != NULL)
        bytes += (m->mask + 1) * sizeof *m->table;
    bytes += (t->added.plain.cap + t->added.normalized.cap) * sizeof *t->added.plain.nodes;
    return bytes;
}
