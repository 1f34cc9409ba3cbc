#include "model/tokenizer/parts.h"

#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

static int shown(struct slice s)
{
    return s.len < 40 ? (int)s.len : 40;
}

int merges_add(struct merges *m, const struct vocab *v, struct slice left, struct slice right,
               uint32_t rank, struct error *error)
{
    char joined[512];
    char *big = NULL;
    size_t len = left.len + right.len;
    int32_t a = vocab_find(v, left), b = vocab_find(v, right), id;
    if (a < 0 || b < 0)
        return error_set(error, ERROR_INPUT,
                         "merges: \"%.*s\" + \"%.*s\": \"%.*s\" is not in the "
                         "vocabulary",
                         shown(left), left.data, shown(right), right.data,
                         shown(a < 0 ? left : right), (a < 0 ? left : right).data);
    if (left.len == 0 || right.len == 0)
        return error_set(error, ERROR_INPUT, "merges: number %u has an empty side", rank);
    if (len > sizeof joined)
        big = mem_alloc(len);
    memcpy(big != NULL ? big : joined, left.data, left.len);
    memcpy((big != NULL ? big : joined) + left.len, right.data, right.len);
    id = vocab_find(v, (struct slice){big != NULL ? big : joined, len});
    mem_free(big);
    if (id < 0)
        return error_set(error, ERROR_INPUT,
                         "merges: \"%.*s\" + \"%.*s\": what they make is not in "
                         "the vocabulary",
                         shown(left), left.data, shown(right), right.data);
    m->list = vec_reserve(m->list, &m->cap, m->n + 1, sizeof *m->list);
    m->list[m->n++] = (struct merge){(uint64_t)(uint32_t)a << 32 | (uint32_t)b, rank, id};
    return 0;
}

void merges_index(struct merges *m)
{
    size_t size = 16;
    while (size < 2 * m->n)
        size *= 2;
    mem_free(m->table);
    m->table = mem_alloc(size * sizeof *m->table);
    m->mask = size - 1;
    for (size_t i = 0; i < size; i++)
        m->table[i].key = MERGE_EMPTY;
    for (size_t i = 0; i < m->n; i++) {
        size_t at = merge_hash(m->list[i].key) & m->mask;
        while (m->table[at].key != MERGE_EMPTY && m->table[at].key != m->list[i].key)
            at = (at + 1) & m->mask;
        m->table[at] = m->list[i]; /* a pair listed twice: the later rank, as the library does */
    }
}

void merges_free(struct merges *m)
{
    mem_free(m->table);
    mem_free(m->list);
    *m = (struct merges){0};
}
