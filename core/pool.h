/*
 * A thread pool with deterministic work: the caller cuts the work into tasks by the problem, not
 * by the number of threads, and each task writes only what is its own.  Then the result is the
 * same with 1 thread or 64.  Sums over tasks are made by the caller in task order
 * (pool_sum does it for doubles).
 *
 * A pool belongs to one thread at a time: pool_run is not reentrant (a task must not call it).
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stddef.h>

struct pool;

struct pool *pool_new(int threads); /* 0: as many as the process may use */
void pool_free(struct pool *p);
int pool_threads(const struct pool *p);
/* Call fn(context, task, worker) for each task in [0, tasks); returns when all are done.
 * worker is in [0, pool_threads); the calling thread is worker 0.  A NULL pool runs them in
 * place. */
void pool_run(struct pool *p, size_t tasks, void (*fn)(void *context, size_t task, int worker),
              void *context);
/* As pool_run; fn returns a number, and the numbers are added in task order. */
double pool_sum(struct pool *p, size_t tasks, double (*fn)(void *context, size_t task, int worker),
                void *context);
int pool_cpus(void); /* processors this process may use (online, within the cgroup's quota) */

#endif
