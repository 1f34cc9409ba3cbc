#include "model/tokenizer/parts.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

static size_t slot_of(const struct vocab *v, struct slice piece)
{
    size_t mask = v->table_size - 1;
    size_t i = (size_t)hash64(piece.data, piece.len, 0) & mask;
    while (v->table[i] >= 0) {
        const struct piece *p = &v->pieces[v->table[i]];
        if (p->len == piece.len && memcmp(v->pool + p->at, piece.data, piece.len) == 0)
            break;
        i = (i + 1) & mask;
    }
    return i;
}

static void rehash(struct vocab *v, size_t size)
{
    mem_free(v->table);
    v->table = mem_alloc(size * sizeof *v->table);
    v->table_size = size;
    for (size_t i = 0; i < size; i++)
        v->table[i] = -1;
    for (int32_t id = 0; id < v->size; id++)
        if (v->pieces[id].type != TOKEN_HOLE)
            v->table[slot_of(v, vocab_piece(v, id))] = id;
}

static void make_room(struct vocab *v, int32_t id, size_t len)
{
    v->pieces = vec_reserve(v->pieces, &v->cap, (size_t)id + 1, sizeof *v->pieces);
    for (; v->size <= id; v->size++)
        v->pieces[v->size] = (struct piece){0, 0, TOKEN_HOLE, false};
    v->pool = vec_reserve(v->pool, &v->pool_cap, v->pool_len + len + 1, 1);
    if (v->table_size < 2 * (v->used + 1))
        rehash(v, v->table_size != 0 ? 2 * v->table_size : 1024);
}

int vocab_add(struct vocab *v, struct slice piece, int64_t id, enum token_type type,
              struct error *error)
{
    size_t slot;
    int shown = piece.len < 60 ? (int)piece.len : 60;
    if (id < 0 || id > VOCAB_MAX_ID)
        return error_set(error, ERROR_INPUT, "vocabulary: \"%.*s\" has id %lld, not in 0..%d",
                         shown, piece.data, (long long)id, VOCAB_MAX_ID);
    if (piece.len > PIECE_MAX)
        return error_set(error, ERROR_INPUT,
                         "vocabulary: the piece of id %lld has %zu bytes, more "
                         "than %d",
                         (long long)id, piece.len, PIECE_MAX);
    if (v->pool_len + piece.len > UINT32_MAX / 2)
        return error_set(error, ERROR_LIMIT, "vocabulary: more than 2 GB of pieces");
    make_room(v, (int32_t)id, piece.len);
    if (v->pieces[id].type != TOKEN_HOLE)
        return error_set(error, ERROR_INPUT, "vocabulary: \"%.*s\" and \"%.*s\" both have id %lld",
                         (int)(v->pieces[id].len < 60 ? v->pieces[id].len : 60),
                         v->pool + v->pieces[id].at, shown, piece.data, (long long)id);
    slot = slot_of(v, piece);
    if (v->table[slot] >= 0)
        return error_set(error, ERROR_INPUT, "vocabulary: \"%.*s\" has the ids %d and %lld", shown,
                         piece.data, v->table[slot], (long long)id);
    if (piece.len != 0)
        memcpy(v->pool + v->pool_len, piece.data, piece.len);
    v->pieces[id] = (struct piece){(uint32_t)v->pool_len, (uint32_t)piece.len, type, false};
    v->pool_len += piece.len;
    v->table[slot] = (int32_t)id;
    v->used++;
    return 0;
}

int32_t vocab_find(const struct vocab *v, struct slice piece)
{
    return v->table_size == 0 ? -1 : v->table[slot_of(v, piece)];
}

struct slice vocab_piece(const struct vocab *v, int32_t id)
{
    if (id < 0 || id >= v->size || v->pieces[id].type == TOKEN_HOLE)
        return (struct slice){NULL, 0};
    return (struct slice){v->pool + v->pieces[id].at, v->pieces[id].len};
}

void vocab_free(struct vocab *v)
{
    mem_free(v->pool);
    mem_free(v->pieces);
    mem_free(v->table);
    *v = (struct vocab){0};
}
