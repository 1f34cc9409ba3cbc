/*
 * One thread that writes, with grouped commits.
 *
 * Jobs are applied in the order they were posted, many in one transaction, but for those that
 * somebody waits for (`prompt`): they go before all that are not, in their own order.  A transaction
 * ends when it holds `max_jobs` jobs, or when no job is waiting, or after `max_ms`; one with a prompt
 * job in it after a few milliseconds.  So groups grow by themselves under load, and what is waited
 * for never waits for the rest.  A job counts as stored only when the commit that holds it
 * returned: that is when writer_take hands it back.
 *
 *          post                           apply                commit returned
 *   caller ─────► queued (prompt, others) ─────► in transaction ─────► done ─────► writer_take
 *                                                    │ the transaction fails (disk full, …)
 *                                                    └────► rolled back, all its jobs come back
 *                                                           `failed`, and so does every later one:
 *                                                           the error is sticky
 *
 * Jobs are intrusive: embed struct writer_job as the first member, own the memory, leave it alone
 * between post and take.
 */
#ifndef CORPUS_WRITER_H
#define CORPUS_WRITER_H

#include "core/error.h"
#include "corpus/corpus.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer;

struct writer_job {
    struct writer_job *next;
    /* Runs on the writer's thread, inside its transaction.  -1 fails the whole transaction. */
    int (*apply)(struct corpus *c, struct writer_job *job, struct error *error);
    bool prompt; /* somebody waits for its commit; it depends on no job still queued */
    bool failed;
};

struct writer_options {
    size_t max_jobs;  /* a transaction; 0: 512 */
    int64_t max_ms;   /* of an open transaction; 0: 200 */
    size_t max_queue; /* writer_post waits while so many are queued; 0: 65536 */
    int cache_kb;     /* pages of the file kept in memory; 0: 4000 */
};

/* Opens a connection of its own to the file.  NULL options: the defaults. */
struct writer *writer_open(const char *path, const struct writer_options *o, struct error *error);
/* Commits what is queued, ends the thread, frees.  0, or -1 with the sticky error.  Jobs that were
 * not taken are the caller's as they were. */
int writer_close(struct writer *w, struct error *error);

void writer_post(struct writer *w, struct writer_job *job);
/* Everything whose commit returned (or failed) since the last call, oldest first; NULL: nothing. */
struct writer_job *writer_take(struct writer *w);
int writer_fd(const struct writer *w); /* readable when writer_take would give something */
/* Wait until all that was posted is committed (or failed).  0, or -1 with the sticky error. */
int writer_flush(struct writer *w, struct error *error);
/* -1 and the sticky error once a transaction failed; else 0. */
int writer_state(struct writer *w, struct error *error);
size_t writer_queued(struct writer *w); /* posted and not yet committed */
uint64_t writer_commits(struct writer *w);

#endif
