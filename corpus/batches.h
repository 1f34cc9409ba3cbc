/*
 * Batches: requests that were handed over together and are answered within a day.
 *
 *   batch ──► batch_line ──► request        (ledger.h: the request waits meanwhile)
 *
 * A line is settled in the transaction that stores its answer, or that says it has none; a request
 * is in at most one batch unsettled, and then nobody asks it otherwise.  States and their order are
 * in schemas/dataset.sql.  All functions that write run inside the caller's transaction.
 */
#ifndef CORPUS_BATCHES_H
#define CORPUS_BATCHES_H

#include "core/error.h"
#include "core/hash.h"
#include "core/slice.h"
#include "corpus/corpus.h"

#include <stdint.h>

struct batches_row {
    int64_t id, teacher_id, run_id;
    struct slice tag, state, status, remote, input, output, errors, message; /* absent: NULL */
    int64_t lines, made_ms, ended_ms; /* ended_ms 0: not yet */
};
int64_t batches_next(struct corpus *c, struct error *error); /* the next free number; -1 */
/* Add it, or change all but its teacher, run, tag, lines and birth where the number is there. */
int batches_put(struct corpus *c, const struct batches_row *b, struct error *error);
typedef int batches_fn(void *context, const struct batches_row *b, struct error *error);
/* Those neither done nor dropped, oldest first.  How many, or -1. */
int batches_open(struct corpus *c, batches_fn *fn, void *context, struct error *error);

struct batches_line {
    int64_t request, place;
    struct hash128 key;
    int64_t nusd, tokens; /* reserved */
    int64_t tries;
};
int batches_line_put(struct corpus *c, int64_t batch, int64_t request, int64_t place,
                     struct error *error);
int batches_line_settle(struct corpus *c, int64_t batch, int64_t request, struct error *error);
typedef int batches_line_fn(void *context, const struct batches_line *l, struct error *error);
/* Its unsettled lines.  How many, or -1. */
int batches_lines(struct corpus *c, int64_t batch, batches_line_fn *fn, void *context,
                  struct error *error);
/* Was the request in a batch before?  1, 0, -1. */
int batches_had(struct corpus *c, int64_t request, struct error *error);
/* Is it a batch of ours, by its number at the teacher?  1, 0, -1. */
int batches_knows(struct corpus *c, const char *remote, struct error *error);
/* Nothing of it was asked: its lines are settled, their reservations given back. */
int batches_drop(struct corpus *c, int64_t batch, const char *why, struct error *error);

#endif
