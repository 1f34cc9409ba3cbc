/*
 * What the filter keeps in the dataset beside its verdicts: blocks of signatures, so that a later
 * run need not read old texts again; and who is removed or decided by a person already.
 */
#ifndef CORPUS_JUDGING_H
#define CORPUS_JUDGING_H

#include "core/error.h"
#include "corpus/corpus.h"

#include <stddef.h>
#include <stdint.h>

struct signature_block {
    int64_t first, last; /* ids of the samples it covers */
    int64_t rows;
    const void *data;
    size_t len;
};

/* kind names the algorithm, its version and its settings; blocks of another kind are not seen. */
int signatures_put(struct corpus *c, const char *kind, const struct signature_block *b,
                   struct error *error);
int signatures_each(struct corpus *c, const char *kind,
                    int (*fn)(void *context, const struct signature_block *b, struct error *error),
                    void *context, struct error *error);
/* Forget those whose kind begins with the same word as this one ("words 1 2"), but for itself. */
int signatures_prune(struct corpus *c, const char *kind, struct error *error);

struct standing {
    int64_t sample_id;
    bool removed; /* by a rule; that it was not selected is not counted */
    bool human_keep, human_drop;
};
/* The samples that some verdict removes or a person decided, in order of id. */
int judging_standings(struct corpus *c,
                      int (*fn)(void *context, const struct standing *s, struct error *error),
                      void *context, struct error *error);
/* Forget the machine's verdicts on samples after that one. */
int judging_clear_after(struct corpus *c, int64_t after, struct error *error);
/* A transaction that changes very many verdicts on samples of this file: in the place of the checks
 * and triggers a row, the sums over verdicts are marked stale once. */
int judging_begin(struct corpus *c, struct error *error);
int judging_commit(struct corpus *c, struct error *error);
void judging_rollback(struct corpus *c);
/* One snapshot for many single reads: they cost less, and see the same rows. */
int judging_hold(struct corpus *c, struct error *error);
void judging_release(struct corpus *c);
/* The samples in (after, last] for which an SQL expression over the columns of `sample` is true, in
 * order of id.  The expression is the user's own; it can read, not write. */
struct judging_range {
    const char *expression;
    int64_t after, last;
};
/* The text an SQL expression over the columns of `sample` gives for each sample, in order of id;
 * absent where it gives NULL. */
int judging_strata(struct corpus *c, const char *expression,
                   int (*fn)(void *context, int64_t id, struct slice text, struct error *error),
                   void *context, struct error *error);
int judging_where(struct corpus *c, const struct judging_range *range,
                  int (*fn)(void *context, int64_t id, struct error *error), void *context,
                  struct error *error);
/* The stored values of a score, in order of id; version 0: of every version. */
int judging_scores(struct corpus *c, const char *name, int version,
                   int (*fn)(void *context, int64_t id, double value), void *context,
                   struct error *error);
int64_t judging_last_id(struct corpus *c, struct error *error); /* 0: no samples; -1 failure */

#endif
