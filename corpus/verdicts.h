/*
 * Verdicts and scores: why a sample stays or goes.
 */
#ifndef CORPUS_VERDICTS_H
#define CORPUS_VERDICTS_H

#include "core/error.h"
#include "core/slice.h"
#include "corpus/corpus.h"

#include <math.h>
#include <stdint.h>

enum verdict_action { VERDICT_REMOVE, VERDICT_FLAG, VERDICT_KEEP };

struct verdict {
    int64_t sample_id;
    const char *rule;
    int version;
    enum verdict_action action;
    double value, threshold;     /* NAN: none */
    const char *field;           /* NULL: no span */
    int64_t span_from, span_to;  /* bytes */
    int64_t match_id;            /* 0: none */
    double similarity;           /* NAN: none */
    struct slice why;            /* absent: none */
};

int verdicts_put(struct corpus *c, const struct verdict *v, struct error *error); /* replaces */
/* Forget what the machine said (rule NULL: every rule) but never a person's decision. */
int verdicts_clear(struct corpus *c, const char *rule, struct error *error);
/* The verdicts of one sample (sample_id 0: of all, by sample), in order of rule. */
int verdicts_each(struct corpus *c, int64_t sample_id,
                  int (*fn)(void *context, const struct verdict *v, struct error *error),
                  void *context, struct error *error);

int scores_put(struct corpus *c, int64_t sample_id, const char *name, int version, double value,
               struct error *error);
/* NAN where there is none. */
double scores_get(struct corpus *c, int64_t sample_id, const char *name);

#endif
