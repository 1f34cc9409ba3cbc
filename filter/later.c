#include "filter/later.h"

#include "filter/external.h"
#include "filter/novelty.h"
#include "filter/select.h"
#include "filter/selector.h"
#include "filter/semantic.h"

#include <math.h>

/* The score that the order of preference names. */
static void set_preference(struct later *l)
{
    const char *name = l->w->chosen->score;
    const struct score_column *c = name != NULL ? scores_find(&l->scores, name) : NULL;
    for (size_t i = 0; c != NULL && i < l->w->x->n; i++) {
        struct index_entry *e = &l->w->x->entries[i];
        if (!(e->flags & INDEX_FOREIGN) && !isnan(c->values[i]))
            e->score = (float)c->values[i];
    }
}

int later_before(struct later *l, struct error *error)
{
    if (wide_chosen(l->w, "command") && external_run(l->w, error) != 0)
        return -1;
    if (scores_open(&l->scores, l->w, error) != 0 ||
        scores_measure(&l->scores, l->w, l->progress, error) != 0)
        return -1;
    set_preference(l);
    return scores_limit(&l->scores, l->w, false, error);
}

/* Embeddings are for the rule, the score, and diversity where there is a model. */
static bool wants_embeddings(struct later *l)
{
    const char *method = recipe_text(l->w->recipe, "filter.select.method");
    const struct selector *how = method != NULL ? selector_find(method) : NULL;
    return wide_chosen(l->w, "semantic") || scores_find(&l->scores, "density") != NULL ||
           (how != NULL && how->needs_space &&
            recipe_text(l->w->recipe, "filter.embeddings") != NULL);
}

static int by_meaning(struct later *l, struct error *error)
{
    struct score_column *density = scores_find(&l->scores, "density");
    if (!wants_embeddings(l))
        return 0;
    if (embeddings_open(&l->embeddings, l->w, error) != 0)
        return -1;
    if (wide_chosen(l->w, "semantic") && semantic_run(l->w, &l->embeddings, error) != 0)
        return -1;
    if (density == NULL)
        return 0;
    if (semantic_density(l->w, &l->embeddings, density, error) != 0)
        return -1;
    return scores_limit(&l->scores, l->w, true, error);
}

int later_after(struct later *l, struct error *error)
{
    if (wide_chosen(l->w, "novelty") && novelty_run(l->w, error) != 0)
        return -1;
    if (by_meaning(l, error) != 0)
        return -1;
    if (!select_wanted(l->w))
        return 0;
    return select_run(l->w, &l->scores, l->embeddings.v != NULL ? &l->embeddings : NULL, error);
}

void later_close(struct later *l)
{
    scores_close(&l->scores);
    embeddings_close(&l->embeddings);
}
