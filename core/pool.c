#include "core/pool.h"

#include "core/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

/*
 * Workers wait for the generation number to change: they spin briefly, because training kernels
 * follow one another within microseconds, and then sleep on the condition.  The tasks of a run
 * are taken from one atomic counter.  A run ends when every worker has said so, so no worker can
 * see the counter of the next run with the function of the last.
 */
enum { SPIN = 2000, MAX_THREADS = 256 };

struct pool {
    int threads;
    pthread_t *ids;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    atomic_uint generation;
    atomic_int busy; /* workers that have not finished this run */
    atomic_bool quit;
    atomic_size_t next;
    size_t tasks;
    void (*fn)(void *, size_t, int);
    void *context;
};

struct start {
    struct pool *pool;
    int worker;
};

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void work(struct pool *p, int worker)
{
    for (;;) {
        const size_t task = atomic_fetch_add(&p->next, 1);
        if (task >= p->tasks)
            return;
        p->fn(p->context, task, worker);
    }
}

static unsigned await_change(struct pool *p, unsigned seen)
{
    unsigned now;
    for (int i = 0; i < SPIN; i++) {
        now = atomic_load(&p->generation);
        if (now != seen)
            return now;
        pause_cpu();
    }
    pthread_mutex_lock(&p->lock);
    while ((now = atomic_load(&p->generation)) == seen)
        pthread_cond_wait(&p->wake, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return now;
}

static void *worker_main(void *argument)
{
    struct start *s = argument;
    struct pool *p = s->pool;
    const int worker = s->worker;
    unsigned seen = 0;
    mem_free(s);
    for (;;) {
        seen = await_change(p, seen);
        if (atomic_load(&p->quit))
            return NULL;
        work(p, worker);
        if (atomic_fetch_sub(&p->busy, 1) == 1) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->idle);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

static void announce(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->generation, 1);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static void await_idle(struct pool *p)
{
    for (int i = 0; i < SPIN; i++) {
        if (atomic_load(&p->busy) == 0)
            return;
        pause_cpu();
    }
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->busy) != 0)
        pthread_cond_wait(&p->idle, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

struct pool *pool_new(int threads)
{
    struct pool *p = mem_zero(1, sizeof *p);
    if (threads <= 0)
        threads = pool_cpus();
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->idle, NULL);
    p->ids = mem_zero((size_t)threads, sizeof *p->ids);
    p->threads = 1;
    for (int i = 1; i < threads; i++) {
        struct start *s = mem_alloc(sizeof *s);
        *s = (struct start){p, i};
        if (pthread_create(&p->ids[i], NULL, worker_main, s) != 0) {
            mem_free(s);
            break; /* fewer threads, same results */
        }
        p->threads++;
    }
    return p;
}

void pool_free(struct pool *p)
{
    if (p == NULL)
        return;
    atomic_store(&p->quit, true);
    announce(p);
    for (int i = 1; i < p->threads; i++)
        pthread_join(p->ids[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->idle);
    mem_free(p->ids);
    mem_free(p);
}

int pool_threads(const struct pool *p)
{
    return p != NULL ? p->threads : 1;
}

void pool_run(struct pool *p, size_t tasks, void (*fn)(void *context, size_t task, int worker),
              void *context)
{
    if (p == NULL || p->threads == 1 || tasks <= 1) {
        for (size_t i = 0; i < tasks; i++)
            fn(context, i, 0);
        return;
    }
    p->fn = fn;
    p->context = context;
    p->tasks = tasks;
    atomic_store(&p->next, 0);
    atomic_store(&p->busy, p->threads - 1);
    announce(p);
    work(p, 0);
    await_idle(p);
}

struct sum {
    double (*fn)(void *, size_t, int);
    void *context;
    double *parts;
};

static void sum_part(void *context, size_t task, int worker)
{
    struct sum *s = context;
    s->parts[task] = s->fn(s->context, task, worker);
}

double pool_sum(struct pool *p, size_t tasks, double (*fn)(void *context, size_t task, int worker),
                void *context)
{
    double few[64], total = 0;
    struct sum s = {fn, context, tasks <= 64 ? few : mem_zero(tasks, sizeof(double))};
    pool_run(p, tasks, sum_part, &s);
    for (size_t i = 0; i < tasks; i++)
        total += s.parts[i];
    if (s.parts != few)
        mem_free(s.parts);
    return total;
}

/* The CPU quota of the control group, rounded up, or 0 where there is none. */
static int cgroup_cpus(void)
{
    double quota = 0, period = 0;
    char word[32] = "";
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%31s %lf", word, &period) == 2 && sscanf(word, "%lf", &quota) != 1)
        quota = 0;
    fclose(f);
    if (quota <= 0 || period <= 0)
        return 0;
    return (int)((quota + period - 1) / period);
}

int pool_cpus(void)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const int limit = cgroup_cpus();
    int n = online > 0 ? (int)online : 1;
    if (limit > 0 && limit < n)
        n = limit;
    return n > 0 ? n : 1;
}
