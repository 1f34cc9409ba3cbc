/*
 * The nearest rows by embedding, exactly: a block of rows against any list of rows, as blocked
 * matrix products.  Which products are made depends on the lists alone and never on the threads.
 */
#ifndef FILTER_NEIGHBOURS_H
#define FILTER_NEIGHBOURS_H

#include "filter/embeddings.h"

enum { NEIGHBOURS_BLOCK = 512, NEIGHBOURS_TILE = 1024, NEIGHBOURS_MOST = 16 };

struct neighbour {
    float product; /* of the whole vectors */
    uint32_t at;   /* place in `among` */
};

struct neighbours {
    const struct embeddings *e;
    struct pool *pool;
    const uint32_t *rows; /* of the index; at most NEIGHBOURS_BLOCK */
    size_t n;
    const uint32_t *among;
    size_t n_among;
    float least;  /* products under it are not looked at */
    int most;     /* how many of each row, at most NEIGHBOURS_MOST */
    bool earlier; /* rows and among are the same list: only places before the row's own */
};

/* found[i * most ..]: of row i, nearest first, of equals the first place; count[i] of them.  A row
 * is never its own neighbour. */
void neighbours_find(const struct neighbours *q, struct neighbour *found, int *count);

#endif
