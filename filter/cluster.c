#include "filter/cluster.h"

#include "core/mem.h"

/* The preferred neighbours of each row, as one array with offsets. */
struct graph {
    size_t *from; /* n + 1 */
    uint32_t *to;
    float *similarity;
};

static struct graph graph_of(const struct cluster_edge *edges, size_t n_edges, size_t n)
{
    struct graph g = {mem_zero(n + 2, sizeof *g.from), mem_alloc(n_edges * sizeof *g.to + 1),
                      mem_alloc(n_edges * sizeof *g.similarity + 1)};
    for (size_t i = 0; i < n_edges; i++)
        g.from[edges[i].b + 2]++;
    for (size_t i = 2; i < n + 2; i++)
        g.from[i] += g.from[i - 1];
    for (size_t i = 0; i < n_edges; i++) {
        const size_t at = g.from[edges[i].b + 1]++;
        g.to[at] = edges[i].a;
        g.similarity[at] = edges[i].similarity;
    }
    return g;
}

void cluster_resolve(const struct cluster *c)
{
    struct graph g = graph_of(c->edges, c->n_edges, c->n);
    for (size_t i = 0; i < c->n; i++) {
        c->keeper[i] = CLUSTER_NONE;
        c->similarity[i] = 0;
        for (size_t e = g.from[i]; e < g.from[i + 1] && !c->never[i]; e++) {
            const uint32_t k = g.to[e];
            const float s = g.similarity[e];
            if (c->keeper[k] != CLUSTER_NONE || !c->may_keep[k])
                continue;
            if (c->keeper[i] == CLUSTER_NONE || s > c->similarity[i] ||
                (!(s < c->similarity[i]) && k < c->keeper[i])) {
                c->keeper[i] = k;
                c->similarity[i] = s;
            }
        }
    }
    mem_free(g.from);
    mem_free(g.to);
    mem_free(g.similarity);
}
