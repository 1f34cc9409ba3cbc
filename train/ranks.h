/*
 * The processes that train together (data-parallel over MPI), each with its number.
 *
 * A process that mpirun started joins the others; any other process, and every process of a build
 * without MPI, is alone: one rank, and all of this does nothing.  Collective calls are made by all
 * ranks in the same order.
 *
 * This is the only includer of mpi.h (train/ranks.c).
 */
#ifndef TRAIN_RANKS_H
#define TRAIN_RANKS_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>

struct ranks;

/* True in a process that mpirun started and that is not its first: it writes and prints nothing. */
bool ranks_follower(void);

/* Join.  NULL with an error when started by mpirun although built without MPI. */
struct ranks *ranks_open(struct error *error);
/* Leave.  together: every rank leaves now; else this one failed, and its end without a word makes
 * mpirun end the others.  NULL is fine. */
void ranks_close(struct ranks *r, bool together);
int ranks_number(const struct ranks *r); /* NULL: 0 */
int ranks_count(const struct ranks *r);  /* NULL: 1 */

/* Sum over all ranks, in place. */
int ranks_sum(struct ranks *r, float *x, size_t n, struct error *error);
int ranks_sum_doubles(struct ranks *r, double *x, size_t n, struct error *error);
/* Pass a block on. */
int ranks_send(struct ranks *r, const float *x, size_t n, int to, struct error *error);
int ranks_receive(struct ranks *r, float *x, size_t n, int from, struct error *error);
int ranks_broadcast(struct ranks *r, float *x, size_t n, int from, struct error *error);
/* Whether any rank says so. */
bool ranks_any(struct ranks *r, bool flag);

#endif
