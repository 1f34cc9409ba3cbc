/*
 * Runs: one record each time a stage starts; and what training and evaluation found.
 */
#ifndef CORPUS_RUNS_H
#define CORPUS_RUNS_H

#include "core/error.h"
#include "core/slice.h"
#include "corpus/corpus.h"

#include <stdint.h>

/* A run of the stage that still says "running" becomes "killed", unless its process lives (claim.h).
 * recipe and sha256 may be NULL.  Returns the run's number, or -1. */
int64_t runs_start(struct corpus *c, const char *stage, const char *recipe, const char *sha256,
                   struct error *error);
/* state: done, partial, failed, interrupted.  summary: JSON or NULL.  Sums up the verdicts. */
int runs_end(struct corpus *c, int64_t run, const char *state, const char *summary,
             struct error *error);
int runs_checkpoint(struct corpus *c, int64_t run, int64_t step, const char *path,
                    const char *metrics, struct error *error);
int runs_evaluation(struct corpus *c, int64_t run, const char *model, const char *suite,
                    const char *metrics, struct error *error);

struct run {
    int64_t id;
    struct slice stage, state; /* running (or was killed just now), killed, and those of runs_end */
    int64_t started_ms, ended_ms;         /* ended 0: has not */
    struct slice version;                 /* of retort */
    struct slice recipe, sha256, summary; /* absent: none */
};
/* fn returns 0 to go on, 1 to stop, -1 with the error set; slices are valid during the call. */
typedef int runs_fn(void *context, const struct run *r, struct error *error);
/* In order of their start; stage NULL: of every stage. */
int runs_each(struct corpus *c, const char *stage, runs_fn *fn, void *context, struct error *error);
/* The newest of a stage, with that state unless NULL: 1 (fn called once), 0 none, -1. */
int runs_last(struct corpus *c, const char *stage, const char *state, runs_fn *fn, void *context,
              struct error *error);

#endif
