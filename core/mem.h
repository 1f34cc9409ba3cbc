/*
 * Memory.  Small allocations never return NULL: when the system has none left they call the
 * failure hook, which must not return (cli/ installs one that prints a line and exits; the
 * default writes a line and aborts).  Blocks whose size outside data decides (tensors, files) use
 * mem_try, which fails politely.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include "core/error.h"

#include <stddef.h>

void *mem_alloc(size_t size);                         /* uninitialised */
void *mem_zero(size_t count, size_t size);            /* zeroed, overflow-checked */
void *mem_grow(void *old, size_t count, size_t size); /* realloc, overflow-checked */
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len); /* a NUL is appended */
void mem_free(void *p);                          /* NULL is fine */

/* A block aligned to 64 bytes and zeroed, or NULL with ERROR_MEMORY that states the size and
 * `what`.  Free with mem_free. */
void *mem_try(size_t size, const char *what, struct error *error);

/* Replace the hook called when a small allocation fails. */
void mem_on_failure(void (*hook)(size_t size));

/*
 * From now on keep what is freed, up to 128 MB, for what is allocated next, instead of giving it back
 * to the system.  For work that goes through much memory in many short phases: a page that the system
 * has to hand out and clear anew costs more than most of what is done with it.
 */
void mem_keep_freed(void);

/* Peak resident set of this process so far, in bytes (0 where unknown). */
size_t mem_peak(void);

#endif
