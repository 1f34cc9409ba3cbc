/*
 * Blocks of the cpu backend.  Large ones come from the system page by page: zero already, touched
 * only where used, in huge pages where the system has them, and given back when released.
 */
#ifndef MODEL_CPU_MEMORY_H
#define MODEL_CPU_MEMORY_H

#include "core/error.h"

#include <stddef.h>

/* Zeroed, aligned to 64 bytes; `what` names it in the error. */
void *cpu_memory_new(size_t bytes, const char *what, struct error *error);
void cpu_memory_free(void *block); /* NULL is fine */

#endif
