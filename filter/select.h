/*
 * Selection: of the rows that every rule leaves, so many are kept (filter.select); the others get
 * the verdict "not_selected" with the reason.  It is the last step of a run and is made over all
 * rows anew whenever a row was judged, so that later rows compete with earlier ones.  A person's
 * "keep" is always among the chosen and counts.
 */
#ifndef FILTER_SELECT_H
#define FILTER_SELECT_H

#include "filter/embeddings.h"
#include "filter/scores.h"
#include "filter/wide.h"

#define SELECT_RULE "not_selected"

bool select_wanted(const struct wide *w);
/* embeddings: NULL where there is no model. */
int select_run(const struct wide *w, struct scores *scores, const struct embeddings *embeddings,
               struct error *error);

#endif
