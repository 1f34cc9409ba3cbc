#include "core/arena.h"

#include "core/mem.h"

#include <stdint.h>
#include <string.h>

/* Blocks double from the first to the largest: thousands of small arenas may live at a time. */
enum { FIRST_BYTES = 1024 - 64, BLOCK_BYTES = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t data[];
};

static struct arena_block *block_new(size_t size)
{
    struct arena_block *b = mem_alloc(sizeof *b + size);
    b->next = NULL;
    b->used = 0;
    b->size = size;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *b = a->blocks;
    size_t rounded = (size + 15) & ~(size_t)15;
    void *p;
    if (b == NULL || b->size - b->used < rounded) {
        size_t next = b == NULL ? FIRST_BYTES : b->size < BLOCK_BYTES ? 2 * b->size : b->size;
        b = block_new(rounded > next ? rounded : next);
        b->next = a->blocks;
        a->blocks = b;
    }
    p = (char *)b->data + b->used;
    b->used += rounded;
    return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.len + 1);
    if (s.len != 0)
        memcpy(p, s.data, s.len);
    p[s.len] = '\0';
    return (struct slice){p, s.len};
}

char *arena_strdup(struct arena *a, const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(arena_alloc(a, len), text, len);
}

void arena_reset(struct arena *a)
{
    struct arena_block *b = a->blocks; /* the newest, which is the largest but for odd ones */
    if (b == NULL)
        return;
    while (b->next != NULL) {
        struct arena_block *old = b->next;
        b->next = old->next;
        mem_free(old);
    }
    b->used = 0;
}

void arena_free(struct arena *a)
{
    arena_reset(a);
    mem_free(a->blocks);
    a->blocks = NULL;
}
