/* What a strategy may look up in the dataset: see strategy.h. */
#include "gen/run.h"

int gen_samples(struct gen *g, bool kept, int64_t after, samples_fn *fn, void *context,
                struct error *error)
{
    if (!g->corpus)
        return 0;
    return samples_each(g->corpus, kept ? SAMPLES_KEPT : SAMPLES_ALL, after, fn, context, error);
}

int gen_sample(struct gen *g, int64_t id, samples_fn *fn, void *context, struct error *error)
{
    return g->corpus ? samples_get(g->corpus, id, fn, context, error) : 0;
}
