#include "core/vec.h"

#include "core/mem.h"

void *vec_reserve(void *items, size_t *cap, size_t need, size_t size)
{
    size_t grown = *cap != 0 ? *cap : 8;
    if (need <= *cap)
        return items;
    while (grown < need)
        grown += grown / 2 + 1;
    *cap = grown;
    return mem_grow(items, grown, size);
}
