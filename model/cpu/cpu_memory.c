/* MAP_ANONYMOUS and madvise are not in POSIX 2008. */
#define _DEFAULT_SOURCE

#include "model/cpu/cpu_memory.h"

#include "core/mem.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* In front of every block: how it was made. */
struct head {
    size_t mapped; /* bytes of the whole mapping, 0 for a small block */
    char fill[56];
};

_Static_assert(sizeof(struct head) == 64, "blocks are aligned to 64 bytes");

enum { LARGE = 1 << 20 };

static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
#ifdef MADV_HUGEPAGE
    (void)madvise(p, bytes, MADV_HUGEPAGE);
#endif
    return p;
}

void *cpu_memory_new(size_t bytes, const char *what, struct error *error)
{
    const size_t whole = bytes + sizeof(struct head);
    struct head *h = NULL;
    if (whole < bytes || bytes > SIZE_MAX / 2) {
        error_set(error, ERROR_MEMORY, "no memory for %s (its size overflows)", what);
        return NULL;
    }
    if (whole >= LARGE)
        h = map(whole);
    if (h != NULL) {
        h->mapped = whole;
        return h + 1;
    }
    if (whole >= LARGE) {
        error_set(error, ERROR_MEMORY, "no memory for %s (%.1f MB)", what, (double)bytes / 1e6);
        return NULL;
    }
    h = mem_try(whole, what, error);
    return h != NULL ? h + 1 : NULL;
}

void cpu_memory_free(void *block)
{
    struct head *h = block;
    if (block == NULL)
        return;
    h--;
    if (h->mapped != 0)
        (void)munmap(h, h->mapped);
    else
        mem_free(h);
}
