/*
 * semantic: a row goes whose embedding is as close as a threshold, by cosine, to that of a row that
 * is kept: paraphrases.  The search is exact (filter/neighbours.h).  A pair that differs in values,
 * negation, names or its subject alone is a variant (filter/similar.h) and no duplicate, however
 * close.  Rows are taken in order of preference; each removal is verified against its own keeper:
 * the nearest of at most SEMANTIC_MOST kept rows over the threshold that is no variant.
 */
#ifndef FILTER_SEMANTIC_H
#define FILTER_SEMANTIC_H

#include "filter/embeddings.h"
#include "filter/scores.h"

enum { SEMANTIC_MOST = 8, DENSITY_NEAREST = 10 };

int semantic_run(const struct wide *w, const struct embeddings *e, struct error *error);
/* The score density: the mean cosine to the DENSITY_NEAREST nearest living rows; it changes with
 * them, so it is measured by every run. */
int semantic_density(const struct wide *w, const struct embeddings *e, struct score_column *column,
                     struct error *error);

#endif
