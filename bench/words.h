/* The words name=value that every program of bench/ takes. */
#ifndef BENCH_WORDS_H
#define BENCH_WORDS_H

#include <string.h>

/* The value of the first word NAME=…, or the fallback. */
static inline const char *words_find(int argc, char **argv, const char *name, const char *fallback)
{
    const size_t len = strlen(name);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=')
            return argv[i] + len + 1;
    return fallback;
}

#endif
