/*
 * Clusters without chaining.  Rows are taken in order of preference; a row that is a verified
 * duplicate of a row already kept is removed and points to it, and every other row is kept.  So
 * each removal has been compared with its own keeper, keepers are kept, and every cluster keeps
 * its best member.
 */
#ifndef FILTER_CLUSTER_H
#define FILTER_CLUSTER_H

#include <stddef.h>
#include <stdint.h>

/* Rows are numbered in order of preference, 0 first; a < b. */
struct cluster_edge {
    uint32_t a, b;
    float similarity;
};

#define CLUSTER_NONE UINT32_MAX

struct cluster {
    const struct cluster_edge *edges;
    size_t n_edges, n;             /* n rows */
    const unsigned char *may_keep; /* 0: the row cannot be a keeper */
    const unsigned char *never;    /* not 0: the row is never removed */
    uint32_t *keeper;              /* out: the row it duplicates, or CLUSTER_NONE */
    float *similarity;             /* out: to its keeper, else 0 */
};

/* Of several possible keepers the most similar is named, then the preferred one. */
void cluster_resolve(const struct cluster *c);

#endif
