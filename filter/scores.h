/*
 * Scores: numbers measured once a row and stored in the dataset (table score), so that a threshold
 * is moved by SQL.  Measured here: those of scores_builtin; others (judge …) were stored by gen or
 * by hand.  Which are needed: filter.scores, and what filter.limits, filter.prefer and
 * filter.select name.
 *
 * A stored value counts while its version is that of how it would be measured now: the version of
 * a score that a model gives is a hash of the model.
 */
#ifndef FILTER_SCORES_H
#define FILTER_SCORES_H

#include "core/progress.h"
#include "filter/wide.h"

enum { SCORES_MAX = 32 };

enum score_kind {
    SCORE_STORED,      /* by somebody else */
    SCORE_LENGTH,      /* tokens of the reply (filter/measure.h) */
    SCORE_TYPE_TOKEN,  /* different words / words of the reply */
    SCORE_COMPRESSION, /* bytes of the reply / bytes of its zstd frame */
    SCORE_PERPLEXITY,  /* filter/likelihood.h */
    SCORE_IFD,
    SCORE_DENSITY, /* filter/semantic.h: mean cosine to the nearest rows */
};

struct score_column {
    char name[64];
    enum score_kind kind;
    double *values; /* by row of the index; NAN: not known */
    bool missing;   /* while measuring: some rows lack it */
};

struct scores {
    struct score_column columns[SCORES_MAX];
    size_t n;
};

/* What the recipe needs; no values yet. */
int scores_open(struct scores *s, const struct wide *w, struct error *error);
void scores_close(struct scores *s);
/* NULL: the recipe does not need it. */
struct score_column *scores_find(struct scores *s, const char *name);
bool scores_is_builtin(const char *name);
/* Read what is stored, measure and store what living rows lack; all but density. */
int scores_measure(struct scores *s, const struct wide *w, struct progress *progress,
                   struct error *error);
/* Store one column, of living rows, in a transaction of its own. */
int scores_store(const struct wide *w, const struct score_column *c, int version,
                 struct error *error);
/* Verdicts "score NAME" by filter.limits on rows that are new: of density, or of all others. */
int scores_limit(struct scores *s, const struct wide *w, bool density, struct error *error);

#endif
