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

/*
 * may_keep[i] 0: row i cannot be a keeper.  never[i] not 0: row i is never removed.
 * keeper[i] (out): the row it duplicates, or CLUSTER_NONE; of several keepers the most similar,
 * then the preferred one.  similarity[i] (out) where there is a keeper, else 0.
 */
void cluster_resolve(const struct cluster_edge *edges, size_t n_edges,
                     const unsigned char *may_keep, const unsigned char *never, size_t n,
                     uint32_t *keeper, float *similarity);

#endif
