/*
 * Fenced code blocks as CommonMark has them: three or more ` or ~ at the start of a line open a
 * block; a line of at least as many of the same and nothing else closes it; text behind opening
 * backticks may not hold a backtick.  Any indentation is allowed, since lists indent their code,
 * and a fence at the very end of a line of code closes too, as many models write it.
 */
#ifndef FILTER_FENCE_H
#define FILTER_FENCE_H

#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct fence {
    size_t from, to;      /* of the whole block, fences included */
    struct slice info;    /* "json" */
    struct slice content; /* between the fences */
    bool closed;
};

/* The next block at or after *at; *at moves behind it.  False where there is none. */
bool fence_next(struct slice text, size_t *at, struct fence *out);

#endif
