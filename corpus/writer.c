#include "corpus/writer.h"

#include "core/clock.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

/* A transaction waits this long for company before it commits: at a hundred microseconds and more
 * a commit, a few milliseconds make groups of dozens. */
enum { LINGER_US = 500, STEP_US = 500, LONELY = 256, PATIENCE = 30 };
enum {
    PROMPT_US = 5000, /* a transaction that somebody waits for lasts no longer */
    SLICE = 16,       /* jobs taken at a time, before prompt ones are looked for again */
};

struct list {
    struct writer_job *first, **end;
    size_t n;
};

struct writer {
    struct corpus *corpus;
    struct writer_options o;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, space; /* something to do; room in the queue or all done */
    struct list prompt, queue, done;
    size_t taken;      /* out of the queues, not committed */
    bool idle, urgent; /* the thread sleeps on `work`; somebody waits for everything */
    bool stop, failed;
    struct error error;
    int notify[2]; /* readable while `done` is not empty */
    uint64_t commits;
};

static void list_init(struct list *l)
{
    l->first = NULL;
    l->end = &l->first;
    l->n = 0;
}

static void list_add(struct list *l, struct writer_job *job)
{
    job->next = NULL;
    *l->end = job;
    l->end = &job->next;
    l->n++;
}

static struct writer_job *list_pop(struct list *l)
{
    struct writer_job *job = l->first;
    if (job) {
        l->first = job->next;
        l->n--;
        if (!l->first)
            l->end = &l->first;
    }
    return job;
}

static void list_join(struct list *to, struct list *from)
{
    if (!from->first)
        return;
    *to->end = from->first;
    to->end = from->end;
    to->n += from->n;
    list_init(from);
}

static void nap_us(long us)
{
    struct timespec t = {0, us * 1000};
    nanosleep(&t, NULL);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static size_t queued(const struct writer *w)
{
    return w->prompt.n + w->queue.n;
}

/* Move some of what is queued to `batch`, prompt jobs first.  With `wait`, sleep until there is
 * some. */
static void fetch(struct writer *w, struct list *batch, bool wait)
{
    pthread_mutex_lock(&w->lock);
    while (wait && !queued(w) && !w->stop) {
        w->idle = true;
        pthread_cond_wait(&w->work, &w->lock);
        w->idle = false;
    }
    struct list *from = w->prompt.n ? &w->prompt : &w->queue;
    for (int n = 0; n < SLICE && from->first && batch->n < w->o.max_jobs; n++) {
        list_add(batch, list_pop(from));
        w->taken++;
    }
    if (queued(w) < w->o.max_queue)
        pthread_cond_broadcast(&w->space);
    pthread_mutex_unlock(&w->lock);
}

static bool in_haste(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool haste = w->stop || w->urgent;
    pthread_mutex_unlock(&w->lock);
    return haste;
}

/* A transaction under way. */
struct open {
    struct writer_job *last; /* the last job that was applied; NULL: none was */
    int64_t began_ns;
    int64_t awaited_ns; /* since when somebody waits for it; 0: nobody does */
};

/* Apply what of the batch is not applied yet. */
static int apply(struct writer *w, const struct list *batch, struct open *t, struct error *error)
{
    struct writer_job *job = t->last ? t->last->next : batch->first;
    for (; job; t->last = job, job = job->next) {
        if (job->prompt && !t->awaited_ns)
            t->awaited_ns = clock_ns();
        if (job->apply(w->corpus, job, error))
            return -1;
    }
    return 0;
}

static bool is_long(const struct writer *w, const struct list *batch, const struct open *t)
{
    int64_t now = clock_ns();
    return batch->n >= w->o.max_jobs || now - t->began_ns > w->o.max_ms * 1000000 ||
           (t->awaited_ns && now - t->awaited_ns > PROMPT_US * 1000);
}

/* One transaction: the batch, and what arrives while it is written. */
static int transaction(struct writer *w, struct list *batch, struct error *error)
{
    struct open t = {.began_ns = clock_ns()};
    int64_t linger = 0;
    if (corpus_begin(w->corpus, error))
        return -1;
    for (;;) {
        if (apply(w, batch, &t, error))
            return -1;
        if (is_long(w, batch, &t))
            break;
        size_t had = batch->n;
        fetch(w, batch, false);
        if (batch->n > had)
            continue;
        if (batch->n >= LONELY || linger >= LINGER_US || in_haste(w))
            break;
        nap_us(STEP_US);
        linger += STEP_US;
    }
    return corpus_commit(w->corpus, error);
}

/* Again and again while another process holds the file or the disk is full: either may pass. */
static int commit(struct writer *w, struct list *batch, struct error *error)
{
    for (int i = 0;; i++) {
        error_clear(error);
        if (!transaction(w, batch, error))
            return 0;
        corpus_rollback(w->corpus);
        bool may_pass = error->code == ERROR_BUSY || error->code == ERROR_FULL;
        if (!may_pass || i == (error->code == ERROR_BUSY ? PATIENCE : 2) || in_haste(w))
            return -1;
        clock_sleep_ms(i ? 1000 : 100);
    }
}

static void hand_back(struct writer *w, struct list *batch, bool failed, const struct error *error)
{
    for (struct writer_job *j = batch->first; j; j = j->next)
        j->failed = failed;
    pthread_mutex_lock(&w->lock);
    if (failed && !w->failed) {
        w->failed = true;
        w->error = *error;
    }
    w->commits += !failed;
    w->taken -= batch->n;
    bool notify = !w->done.first && batch->first;
    list_join(&w->done, batch);
    pthread_cond_broadcast(&w->space);
    if (notify && write(w->notify[1], "", 1) < 0) {
        /* the pipe is full: it is readable, and that is all it has to be */
    }
    pthread_mutex_unlock(&w->lock);
}

static void *run(void *user)
{
    struct writer *w = user;
    struct error error = {0};
    struct list batch;
    bool failed = false;
    list_init(&batch);
    for (;;) {
        fetch(w, &batch, true);
        if (!batch.first)
            return NULL; /* told to stop, and nothing is left */
        if (!failed)
            failed = commit(w, &batch, &error) != 0;
        hand_back(w, &batch, failed, &error);
    }
}

/* ---- the caller's side ----------------------------------------------------------------------- */

struct writer *writer_open(const char *path, const struct writer_options *o, struct error *error)
{
    struct writer *w = mem_zero(1, sizeof *w);
    w->o = o ? *o : (struct writer_options){0};
    w->o.max_jobs = w->o.max_jobs ? w->o.max_jobs : 1024;
    w->o.max_ms = w->o.max_ms ? w->o.max_ms : 200;
    w->o.max_queue = w->o.max_queue ? w->o.max_queue : 65536;
    list_init(&w->prompt);
    list_init(&w->queue);
    list_init(&w->done);
    w->corpus = corpus_open(path, CORPUS_WRITE, error);
    if (!w->corpus || corpus_unchecked(w->corpus, error) ||
        (w->o.cache_kb && corpus_cache(w->corpus, w->o.cache_kb, error)))
        goto fail;
    if (pipe(w->notify)) {
        error_system(error, errno, "pipe");
        goto fail;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(w->notify[i], F_SETFL, O_NONBLOCK);
        fcntl(w->notify[i], F_SETFD, FD_CLOEXEC);
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->space, NULL);
    if (pthread_create(&w->thread, NULL, run, w)) {
        error_set(error, ERROR_FAILED, "the writer's thread could not be started");
        close(w->notify[0]);
        close(w->notify[1]);
        goto fail;
    }
    return w;
fail:
    corpus_close(w->corpus);
    mem_free(w);
    return NULL;
}

int writer_close(struct writer *w, struct error *error)
{
    if (!w)
        return 0;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    int rc = writer_state(w, error);
    corpus_close(w->corpus);
    close(w->notify[0]);
    close(w->notify[1]);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->space);
    mem_free(w);
    return rc;
}

void writer_post(struct writer *w, struct writer_job *job)
{
    job->failed = false;
    pthread_mutex_lock(&w->lock);
    while (queued(w) >= w->o.max_queue)
        pthread_cond_wait(&w->space, &w->lock);
    list_add(job->prompt ? &w->prompt : &w->queue, job);
    if (w->idle)
        pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

struct writer_job *writer_take(struct writer *w)
{
    char drain[16];
    pthread_mutex_lock(&w->lock);
    struct writer_job *first = w->done.first;
    if (first)
        while (read(w->notify[0], drain, sizeof drain) > 0) {
        }
    list_init(&w->done);
    pthread_mutex_unlock(&w->lock);
    return first;
}

int writer_fd(const struct writer *w)
{
    return w->notify[0];
}

int writer_flush(struct writer *w, struct error *error)
{
    pthread_mutex_lock(&w->lock);
    w->urgent = true;
    while (queued(w) || w->taken)
        pthread_cond_wait(&w->space, &w->lock);
    w->urgent = false;
    pthread_mutex_unlock(&w->lock);
    return writer_state(w, error);
}

int writer_state(struct writer *w, struct error *error)
{
    pthread_mutex_lock(&w->lock);
    bool failed = w->failed;
    if (failed && error)
        *error = w->error;
    pthread_mutex_unlock(&w->lock);
    return failed ? -1 : 0;
}

size_t writer_queued(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    size_t n = queued(w) + w->taken;
    pthread_mutex_unlock(&w->lock);
    return n;
}

uint64_t writer_commits(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    uint64_t n = w->commits;
    pthread_mutex_unlock(&w->lock);
    return n;
}
