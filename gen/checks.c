#include "gen/checks.h"

#include "core/command.h"
#include "core/mem.h"
#include "gen/run.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

enum { MAX_SAID = 1 << 16, FEWEST = 2, MOST = 16 };

struct check {
    struct check *next, *queued; /* of all; of those no thread has taken */
    struct hash128 key;          /* of the input */
    char *const *argv;
    struct buf input, said;
    int64_t limit_ms;
    int status;
    struct error error;
    bool over;
    bool read; /* by the answer that is being told */
};

struct parked {
    struct parked *next;
    struct store *s;
    struct hash128 awaits;
};

struct checks {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t thread[MOST];
    int n_threads;
    struct check *all, *queue, **queue_end;
    bool stop;
    int notify[2]; /* readable when one is over */
    /* of the loop's thread alone: */
    struct parked *parked;
    size_t n_parked;
    struct hash128 awaited; /* by the answer that gave itself back */
};

/* ---- the threads ----------------------------------------------------------------------------- */

static void *run(void *user)
{
    struct checks *c = user;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->queue && !c->stop)
            pthread_cond_wait(&c->work, &c->lock);
        if (c->stop)
            break;
        struct check *k = c->queue;
        c->queue = k->queued;
        if (!c->queue)
            c->queue_end = &c->queue;
        pthread_mutex_unlock(&c->lock);
        k->status = command_run(k->argv, buf_view(&k->input), k->limit_ms, &k->said, &k->error);
        pthread_mutex_lock(&c->lock);
        k->over = true;
        if (write(c->notify[1], "", 1) < 0) {
            /* the pipe is full: it is readable, and that is all it has to be */
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static struct checks *checks_open(struct gen *g, struct error *error)
{
    struct checks *c = mem_zero(1, sizeof *c);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int want = cores < FEWEST ? FEWEST : cores > MOST ? MOST : (int)cores;
    if (pipe(c->notify)) {
        error_system(error, errno, "pipe");
        mem_free(c);
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(c->notify[i], F_SETFL, O_NONBLOCK);
        fcntl(c->notify[i], F_SETFD, FD_CLOEXEC);
    }
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    c->queue_end = &c->queue;
    g->checks = c;
    while (c->n_threads < want && !pthread_create(&c->thread[c->n_threads], NULL, run, c))
        c->n_threads++;
    if (!c->n_threads) {
        error_set(error, ERROR_FAILED, "the threads of gen.verify.command could not be started");
        return NULL;
    }
    return http_watch(g->http, c->notify[0], error) < 0 ? NULL : c;
}

static void check_free(struct check *k)
{
    buf_free(&k->input);
    buf_free(&k->said);
    mem_free(k);
}

void checks_close(struct gen *g)
{
    struct checks *c = g->checks;
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->work);
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < c->n_threads; i++)
        pthread_join(c->thread[i], NULL);
    for (struct check *k = c->all, *next; k; k = next) {
        next = k->next;
        check_free(k);
    }
    for (struct parked *p = c->parked, *next; p; p = next) {
        next = p->next;
        item_free(p->s->item);
        store_free(p->s);
        mem_free(p);
    }
    close(c->notify[0]);
    close(c->notify[1]);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->work);
    mem_free(c);
    g->checks = NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------- */

static struct check *find(const struct checks *c, struct hash128 key)
{
    struct check *k = c->all;
    while (k && hash128_compare(k->key, key))
        k = k->next;
    return k;
}

static bool is_over(struct checks *c, const struct check *k)
{
    pthread_mutex_lock(&c->lock);
    bool over = k->over;
    pthread_mutex_unlock(&c->lock);
    return over;
}

static void start(struct checks *c, struct hash128 key, char *const *argv, struct slice input,
                  int64_t limit_ms)
{
    struct check *k = mem_zero(1, sizeof *k);
    *k = (struct check){.key = key, .argv = argv, .input = BUF, .limit_ms = limit_ms};
    k->said = BUF_MAX(MAX_SAID);
    buf_slice(&k->input, input);
    k->next = c->all;
    c->all = k;
    pthread_mutex_lock(&c->lock);
    *c->queue_end = k;
    c->queue_end = &k->queued;
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
}

int checks_run(struct gen *g, char *const *argv, struct slice input, int64_t limit_ms,
               struct buf *said, struct error *error)
{
    if (!g->may_wait)
        return command_run(argv, input, limit_ms, said, error);
    if (!g->checks && !checks_open(g, error))
        return -1;
    struct checks *c = g->checks;
    struct hash128 key = hash128(input.data, input.len);
    struct check *k = find(c, key);
    if (!k)
        start(c, key, argv, input, limit_ms);
    if (!k || !is_over(c, k)) {
        c->awaited = key;
        g->later = true;
        return CHECKS_LATER;
    }
    k->read = true;
    buf_slice(said, buf_view(&k->said));
    if (k->status < 0 && error)
        *error = k->error;
    return k->status;
}

void checks_forget(struct gen *g)
{
    struct check **at = g->checks ? &g->checks->all : NULL;
    while (at && *at) {
        struct check *k = *at;
        if (k->read) {
            *at = k->next;
            check_free(k);
        } else {
            at = &k->next;
        }
    }
}

void checks_park(struct gen *g, struct store *s)
{
    struct checks *c = g->checks;
    struct parked *p = mem_zero(1, sizeof *p);
    for (struct check *k = c->all; k; k = k->next)
        k->read = false; /* it will be asked for again */
    *p = (struct parked){c->parked, s, c->awaited};
    c->parked = p;
    c->n_parked++;
}

void checks_take_back(struct gen *g)
{
    struct checks *c = g->checks;
    char drain[64];
    if (!c || read(c->notify[0], drain, sizeof drain) <= 0)
        return;
    while (read(c->notify[0], drain, sizeof drain) > 0) {
    }
    struct parked *list = c->parked, *next;
    c->parked = NULL;
    c->n_parked = 0;
    for (; list; list = next) {
        next = list->next;
        struct check *k = find(c, list->awaits);
        if (k && !is_over(c, k)) {
            list->next = c->parked;
            c->parked = list;
            c->n_parked++;
        } else {
            outcome_resumed(list->s);
            mem_free(list);
        }
    }
}

size_t checks_parked(const struct gen *g)
{
    return g->checks ? g->checks->n_parked : 0;
}
