/* top: the best by score. */
#include "filter/selector.h"

#include "core/mem.h"

#include <math.h>
#include <stdio.h>

static int choose(struct stratum *s, struct error *error)
{
    uint32_t *places = selector_by_score(s);
    double last = (double)NAN;
    (void)error;
    for (size_t i = 0; i < s->n && s->n_chosen < s->quota; i++) {
        selector_choose(s, places[i]);
        last = selector_score(s, places[i]);
    }
    for (size_t i = 0; i < s->n; i++) {
        struct left_out *l = &s->left[i];
        const double score = selector_score(s, i);
        *l = (struct left_out){score, last, (double)NAN, WIDE_NONE, ""};
        if (isnan(score))
            (void)snprintf(l->why, sizeof l->why, "it has no score; %zu of %zu were chosen by it",
                           s->quota, s->n);
        else
            (void)snprintf(l->why, sizeof l->why, "%zu of %zu have a better score", s->quota, s->n);
    }
    mem_free(places);
    return 0;
}

const struct selector selector_top = {.name = "top", .needs_score = true, .choose = choose};
