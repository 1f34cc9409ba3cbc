#include "core/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

static void default_failure(size_t size)
{
    static const char text[] = "retort: out of memory\n";
    (void)size;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        abort();
    abort();
}

static void (*failure)(size_t) = default_failure;

void mem_on_failure(void (*hook)(size_t size))
{
    failure = hook != NULL ? hook : default_failure;
}

static void *checked(void *p, size_t size)
{
    if (p == NULL) {
        failure(size);
        abort();
    }
    return p;
}

void *mem_alloc(size_t size)
{
    return checked(malloc(size != 0 ? size : 1), size);
}

void *mem_zero(size_t count, size_t size)
{
    /* glibc's calloc passes its cache of free pieces by */
    if (size != 0 && count != 0 && count <= 4096 / size)
        return memset(checked(malloc(count * size), count * size), 0, count * size);
    return checked(calloc(count != 0 ? count : 1, size != 0 ? size : 1), size);
}

void *mem_grow(void *old, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        checked(NULL, SIZE_MAX);
    return checked(realloc(old, count * size != 0 ? count * size : 1), count * size);
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (len != 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void mem_free(void *p)
{
    free(p);
}

void *mem_try(size_t size, const char *what, struct error *error)
{
    void *p = NULL;
    size_t rounded = (size + 63) & ~(size_t)63;
    if (rounded < size || posix_memalign(&p, 64, rounded != 0 ? rounded : 64) != 0) {
        error_set(error, ERROR_MEMORY, "no memory for %s (%.1f MB)", what, (double)size / 1e6);
        return NULL;
    }
    memset(p, 0, rounded != 0 ? rounded : 64);
    return p;
}

void mem_keep_freed(void)
{
#if defined(__GLIBC__)
    (void)mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most there can be */
    (void)mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

size_t mem_peak(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (size_t)usage.ru_maxrss * 1024;
}
