/*
 * Runs: one record each time a stage starts; and what training and evaluation found.
 */
#ifndef CORPUS_RUNS_H
#define CORPUS_RUNS_H

#include "core/error.h"
#include "corpus/corpus.h"

#include <stdint.h>

/* recipe and sha256 may be NULL.  Returns the run's number, or -1. */
int64_t runs_start(struct corpus *c, const char *stage, const char *recipe, const char *sha256,
                   struct error *error);
/* state: done, partial, failed, interrupted.  summary: JSON or NULL. */
int runs_end(struct corpus *c, int64_t run, const char *state, const char *summary,
             struct error *error);
int runs_checkpoint(struct corpus *c, int64_t run, int64_t step, const char *path,
                    const char *metrics, struct error *error);
int runs_evaluation(struct corpus *c, int64_t run, const char *model, const char *suite,
                    const char *metrics, struct error *error);

#endif
