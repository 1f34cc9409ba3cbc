/*
 * What a run does around duplicate detection: scores and their limits before it, so that a row out
 * of bounds keeps no other row alive; the user's program, too; and after it novelty, semantic
 * near-duplicates, density, and selection at last.
 */
#ifndef FILTER_LATER_H
#define FILTER_LATER_H

#include "core/progress.h"
#include "filter/embeddings.h"
#include "filter/scores.h"
#include "filter/wide.h"

struct later {
    const struct wide *w;
    struct progress *progress;
    /* private */
    struct scores scores;
    struct embeddings embeddings;
};

int later_before(struct later *l, struct error *error);
int later_after(struct later *l, struct error *error);
void later_close(struct later *l);

#endif
