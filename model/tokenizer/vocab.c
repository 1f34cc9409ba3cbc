#include "model/tokenizer/parts.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

static uint32_t hash_of(struct slice piece)
{
    return (uint32_t)hash64(piece.data, piece.len, 0);
}

/* Where the piece stands in the table, or would. */
static size_t slot_of(const struct vocab *v, struct slice piece, uint32_t hash)
{
    size_t mask = v->table_size - 1, i = hash & mask;
    while (v->table[i].id >= 0) {
        const struct piece *p = &v->pieces[v->table[i].id];
        if (v->table[i].hash == hash && p->len == piece.len &&
            memcmp(v->pool + p->at, piece.data, piece.len) == 0)
            break;
        i = (i + 1) & mask;
    }
    return i;
}

static void rehash(struct vocab *v, size_t size)
{
    struct vocab_slot *old = v->table;
    size_t old_size = v->table_size;
    v->table = mem_alloc(size * sizeof *v->table);
    v->table_size = size;
    for (size_t i = 0; i < size; i++)
        v->table[i].id = -1;
    for (size_t i = 0; i < old_size; i++) {
        size_t at = old[i].hash & (size - 1);
        if (old[i].id < 0)
            continue;
        while (v->table[at].id >= 0)
            at = (at + 1) & (size - 1);
        v->table[at] = old[i];
    }
    mem_free(old);
}

void vocab_expect(struct vocab *v, size_t pieces)
{
    size_t size = 1024;
    while (size < 2 * pieces && size < 2 * (size_t)VOCAB_MAX_ID)
        size *= 2;
    if (size > v->table_size)
        rehash(v, size);
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
    uint32_t hash;
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
    hash = hash_of(piece);
    slot = slot_of(v, piece, hash);
    if (v->table[slot].id >= 0)
        return error_set(error, ERROR_INPUT, "vocabulary: \"%.*s\" has the ids %d and %lld", shown,
                         piece.data, v->table[slot].id, (long long)id);
    if (piece.len != 0)
        memcpy(v->pool + v->pool_len, piece.data, piece.len);
    v->pieces[id] = (struct piece){(uint32_t)v->pool_len, (uint32_t)piece.len, type, false};
    v->pool_len += piece.len;
    v->table[slot] = (struct vocab_slot){(int32_t)id, hash};
    v->used++;
    return 0;
}

int32_t vocab_find(const struct vocab *v, struct slice piece)
{
    return v->table_size == 0 ? -1 : v->table[slot_of(v, piece, hash_of(piece))].id;
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
