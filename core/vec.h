/*
 * Growing arrays.  A vector is three members of the owner's struct (items, count, capacity);
 * vec_reserve makes room and doubles, so that appending is amortised O(1).
 *
 *     struct { int32_t *ids; size_t n, cap; } t;
 *     t.ids = vec_reserve(t.ids, &t.cap, t.n + 1, sizeof *t.ids);
 *     t.ids[t.n++] = id;
 */
#ifndef CORE_VEC_H
#define CORE_VEC_H

#include <stddef.h>

/* The array, moved if need be, with room for `need` items of `size` bytes. */
void *vec_reserve(void *items, size_t *cap, size_t need, size_t size);

#endif
