#include "serve/engine.h"

#include "core/mem.h"
#include "serve/engine_parts.h"

#include <string.h>

/* -- jobs ------------------------------------------------------------------------------------ */

static void job_free(struct job *j)
{
    for (size_t i = 0; i < j->spec.n_stops; i++) {
        union {
            const char *in;
            void *out;
        } p = {j->spec.stops[i].data}; /* ours since engine_submit */
        mem_free(p.out);
    }
    grammar_free(j->spec.grammar);
    mem_free(j->prompt);
    mem_free(j);
}

void engine_job_close(struct job *j)
{
    if (j->spec.on_close != NULL)
        j->spec.on_close(j->spec.context);
    job_free(j);
}

static struct job *job_new(const struct engine_job *spec)
{
    struct job *j = mem_zero(1, sizeof *j);
    const size_t bytes = (size_t)spec->prompt_tokens * sizeof *j->prompt;
    j->spec = *spec;
    j->prompt = mem_alloc(bytes);
    memcpy(j->prompt, spec->prompt, bytes);
    for (size_t i = 0; i < spec->n_stops; i++)
        j->spec.stops[i].data = mem_strndup(spec->stops[i].data, spec->stops[i].len);
    j->open = spec->choices;
    return j;
}

int engine_submit(struct engine *e, const struct engine_job *job, struct error *error)
{
    struct job *j;
    int rc = 0;
    if (job->prompt_tokens < 1)
        return error_set(error, ERROR_INPUT, "the prompt is empty");
    if (job->prompt_tokens >= e->options.capacity)
        return error_set(error, ERROR_LIMIT,
                         "the prompt has %d tokens and the context %d; shorten it",
                         job->prompt_tokens, e->options.capacity);
    j = job_new(job);
    pthread_mutex_lock(&e->lock);
    if (e->quit || e->stats.waiting >= e->options.queue) {
        e->stats.refused++;
        rc = error_set(error, ERROR_BUSY, "%d requests are waiting already; try again later",
                       e->stats.waiting);
    } else {
        if (e->last != NULL)
            e->last->next = j;
        else
            e->first = j;
        e->last = j;
        e->stats.waiting++;
        e->stats.jobs++;
        pthread_cond_signal(&e->wake);
    }
    pthread_mutex_unlock(&e->lock);
    if (rc != 0) {
        j->spec.grammar = NULL; /* stays the caller's */
        job_free(j);
    }
    return rc;
}

/* -- admission ------------------------------------------------------------------------------- */

static int running(const struct engine *e)
{
    int n = 0;
    for (int slot = 0; slot < e->options.slots; slot++)
        n += e->replies[slot].job != NULL;
    return n;
}

/* The first job in the queue that can open a reply, and the one before it.  A job whose prompt is
 * about to run for its first reply waits for that: the others then take it from the cache. */
static struct job *ready_job(const struct engine *e, struct job **before)
{
    struct job *j = e->first;
    *before = NULL;
    while (j != NULL && j->started != 0 && !j->primed) {
        *before = j;
        j = j->next;
    }
    return j;
}

static void unqueue(struct engine *e, struct job *j, struct job *before)
{
    if (before != NULL)
        before->next = j->next;
    else
        e->first = j->next;
    if (e->last == j)
        e->last = before;
    e->stats.waiting--;
}

/* Wait for work; the next job that has replies to open while a slot is free.  False: quit. */
static bool next_job(struct engine *e, struct job **out)
{
    bool go_on;
    const int busy = running(e);
    struct job *before;
    *out = NULL;
    pthread_mutex_lock(&e->lock);
    e->stats.running = busy;
    while (!e->quit && busy == 0 && e->first == NULL)
        pthread_cond_wait(&e->wake, &e->lock);
    go_on = !e->quit;
    if (go_on && busy < e->options.slots && (*out = ready_job(e, &before)) != NULL) {
        struct job *j = *out;
        if (j->started == 0)
            e->stats.prompt_tokens += (uint64_t)j->spec.prompt_tokens;
        if (j->started + 1 == j->spec.choices)
            unqueue(e, j, before);
    }
    pthread_mutex_unlock(&e->lock);
    return go_on;
}

static void close_all(struct engine *e)
{
    struct job *j;
    for (int slot = 0; slot < e->options.slots; slot++)
        if (e->replies[slot].job != NULL)
            engine_reply_end(e, slot, FINISH_CANCELLED, "the server is shutting down");
    pthread_mutex_lock(&e->lock);
    j = e->first;
    e->first = e->last = NULL;
    pthread_mutex_unlock(&e->lock);
    while (j != NULL) {
        struct job *next = j->next;
        engine_job_close(j);
        j = next;
    }
}

static void *engine_main(void *argument)
{
    struct engine *e = argument;
    struct job *j;
    while (next_job(e, &j)) {
        int busy;
        if (j != NULL) {
            engine_reply_begin(e, j);
            continue; /* fill every free slot before the pass */
        }
        busy = running(e);
        engine_token_advance(e);
        pthread_mutex_lock(&e->lock);
        e->stats.steps++;
        e->stats.completion_tokens += (uint64_t)busy;
        pthread_mutex_unlock(&e->lock);
    }
    close_all(e);
    return NULL;
}

/* -- life ------------------------------------------------------------------------------------ */

static void engine_release(struct engine *e)
{
    generator_free(e->generator);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->wake);
    mem_free(e->logits);
    mem_free(e->replies);
    mem_free(e->pieces);
    mem_free(e->piece_bytes);
    mem_free(e);
}

struct engine *engine_start(const struct engine_options *options, struct error *error)
{
    struct engine *e = mem_zero(1, sizeof *e);
    const struct generator_options how = {options->slots, options->capacity};
    e->options = *options;
    e->vocab = model_config(options->model)->vocab;
    e->logits = mem_alloc((size_t)e->vocab * sizeof *e->logits);
    e->replies = mem_zero((size_t)options->slots, sizeof *e->replies);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->wake, NULL);
    e->generator = generator_new(options->model, &how, error);
    if (e->generator == NULL) {
        engine_release(e);
        return NULL;
    }
    if (pthread_create(&e->thread, NULL, engine_main, e) != 0) {
        error_set(error, ERROR_FAILED, "cannot start a thread");
        engine_release(e);
        return NULL;
    }
    return e;
}

void engine_stats(struct engine *e, struct engine_stats *out)
{
    pthread_mutex_lock(&e->lock);
    *out = e->stats;
    pthread_mutex_unlock(&e->lock);
}

int32_t engine_capacity(const struct engine *e)
{
    return e->options.capacity;
}

void engine_stop(struct engine *e)
{
    bool stopped;
    if (e == NULL)
        return;
    pthread_mutex_lock(&e->lock);
    stopped = e->quit;
    e->quit = true;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
    if (!stopped)
        pthread_join(e->thread, NULL);
}

void engine_free(struct engine *e)
{
    if (e == NULL)
        return;
    engine_stop(e);
    engine_release(e);
}
