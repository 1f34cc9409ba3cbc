#include "serve/engine.h"

#include "core/buf.h"
#include "core/hash.h"
#include "core/mem.h"
#include "model/sampling.h"
#include "serve/stops.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_MAX = 256, HELD_MAX = 1 << 20 };

/* A job in the queue or with replies running.  `open` counts replies not yet ended. */
struct job {
    struct engine_job spec;
    int32_t *prompt;
    int32_t started, open;
    bool primed; /* the prompt has run: further replies find it in the cache */
    struct job *next;
};

/* One reply being written, by its slot. */
struct reply {
    struct job *job; /* NULL: the slot is free */
    int choice;
    struct sampling sampling;
    struct tokenizer_stream *stream;
    struct grammar_state *state;
    struct buf held; /* decoded, not yet handed out: may begin a stop text */
    int32_t *ids;    /* prompt and reply, for the penalties */
    int32_t n, first;
};

struct engine {
    struct engine_options options;
    struct generator *generator;
    int32_t vocab;
    float *logits; /* a copy that picking may change */
    struct reply *replies;
    struct slice *pieces; /* bytes of each token, made when a grammar first asks */
    char *piece_bytes;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    struct job *first, *last;
    struct engine_stats stats;
    bool quit;
};

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

static void job_close(struct job *j)
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

/* -- events ---------------------------------------------------------------------------------- */

static int32_t written(const struct reply *r)
{
    return r->n - r->first;
}

static bool tell(struct reply *r, struct engine_event *event)
{
    event->choice = r->choice;
    event->completion_tokens = written(r);
    return r->job->spec.on_event(r->job->spec.context, event);
}

static void reply_end(struct engine *e, int slot, enum engine_finish finish, const char *message)
{
    struct reply *r = &e->replies[slot];
    struct job *j = r->job;
    bool stopped = false;
    size_t ready = r->held.len;
    if (finish == FINISH_LENGTH || finish == FINISH_STOP) {
        tokenizer_stream_end(r->stream, &r->held);
        ready = stops_ready(j->spec.stops, j->spec.n_stops, buf_view(&r->held), &stopped);
        if (!stopped)
            ready = r->held.len;
    }
    (void)tell(r, &(struct engine_event){.text = slice_sub(buf_view(&r->held), 0, ready),
                                         .finish = finish,
                                         .message = message});
    generator_close(e->generator, slot);
    tokenizer_stream_free(r->stream);
    grammar_state_free(r->state);
    buf_free(&r->held);
    mem_free(r->ids);
    *r = (struct reply){.job = NULL};
    j->primed = true; /* or will never be */
    if (--j->open == 0)
        job_close(j);
}

/* -- one token ------------------------------------------------------------------------------ */

static bool is_stop(const struct engine *e, const struct reply *r, int32_t id)
{
    for (int32_t i = 0; i < e->options.n_stops; i++)
        if (e->options.stops[i] == id)
            return !r->job->spec.ignore_eos;
    return false;
}

/* The bytes a token stands for, by decoding each once. */
static void make_pieces(struct engine *e)
{
    struct buf all = BUF;
    size_t *ends = mem_zero((size_t)e->vocab, sizeof *ends);
    for (int32_t id = 0; id < e->vocab; id++) {
        (void)tokenizer_bytes(e->options.tokenizer, id, &all);
        ends[id] = all.len;
    }
    e->piece_bytes = buf_take(&all);
    e->pieces = mem_zero((size_t)e->vocab, sizeof *e->pieces);
    for (int32_t id = 0; id < e->vocab; id++) {
        const size_t from = id != 0 ? ends[id - 1] : 0;
        e->pieces[id] = slice_from(e->piece_bytes + from, ends[id] - from);
    }
    mem_free(ends);
}

static bool allowed(struct engine *e, struct reply *r, int32_t id)
{
    if (r->state == NULL)
        return true;
    if (is_stop(e, r, id))
        return grammar_complete(r->state);
    return e->pieces[id].len != 0 && e->pieces[id].len <= PIECE_MAX &&
           grammar_allows(r->state, e->pieces[id]);
}

/* OpenAI's penalties: presence once, frequency for each time a token was written. */
static void penalise(const struct reply *r, float *logits)
{
    const double presence = r->job->spec.presence_penalty,
                 frequency = r->job->spec.frequency_penalty;
    for (int32_t i = r->first; i < r->n && (presence != 0 || frequency != 0); i++) {
        bool before = false;
        for (int32_t k = r->first; k < i && !before; k++)
            before = r->ids[k] == r->ids[i];
        logits[r->ids[i]] -= (float)(frequency + (before ? 0 : presence));
    }
}

static void add_bias(const struct engine *e, const struct reply *r, float *logits)
{
    for (size_t i = 0; i < r->job->spec.n_bias; i++)
        if (r->job->spec.bias[i].id >= 0 && r->job->spec.bias[i].id < e->vocab)
            logits[r->job->spec.bias[i].id] += r->job->spec.bias[i].bias;
}

static void prepare(struct engine *e, const struct reply *r, const float *raw)
{
    memcpy(e->logits, raw, (size_t)e->vocab * sizeof *raw);
    penalise(r, e->logits);
    add_bias(e, r, e->logits);
}

static int32_t draw(struct engine *e, const struct reply *r)
{
    const struct sampling_state state = {r->ids, r->n, (uint64_t)written(r)};
    return sampling_pick(&r->sampling, e->logits, e->vocab, &state);
}

/* The next token.  With a grammar: most draws are allowed as they are; where one is not, every token is
 * judged and the draw made among those allowed.  -1: there is none. */
static int32_t pick(struct engine *e, struct reply *r, const float *raw)
{
    int32_t id, left = 0;
    prepare(e, r, raw);
    id = draw(e, r);
    if (allowed(e, r, id))
        return id;
    prepare(e, r, raw);
    for (id = 0; id < e->vocab; id++) {
        if (allowed(e, r, id))
            left++;
        else
            e->logits[id] = -INFINITY;
    }
    return left != 0 ? draw(e, r) : -1;
}

/* Hand out what cannot become a stop text.  True: one has appeared. */
static bool release(struct reply *r, struct engine_event *event, size_t *ready)
{
    bool stopped;
    *ready = stops_ready(r->job->spec.stops, r->job->spec.n_stops, buf_view(&r->held), &stopped);
    event->text = slice_sub(buf_view(&r->held), 0, *ready);
    return stopped;
}

static void drop_front(struct buf *b, size_t n)
{
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

/* A token was drawn: tell, and end the reply where it must end. */
static void take_token(struct engine *e, int slot, int32_t id, const float *raw)
{
    struct reply *r = &e->replies[slot];
    const struct engine_job *spec = &r->job->spec;
    struct score_alternative top[ENGINE_TOP_MAX];
    struct engine_event event = {.token = true, .id = id, .top = top};
    size_t ready = 0;
    bool stopped = false, go_on;
    int full;
    if (spec->want_logprobs) {
        const double norm = score_norm(raw, e->vocab);
        event.logprob = (float)((double)raw[id] - norm);
        score_top(raw, e->vocab, norm, top, spec->top);
    }
    r->ids[r->n++] = id;
    if (r->state != NULL)
        (void)grammar_follow(r->state, e->pieces[id]);
    tokenizer_stream_add(r->stream, id, &r->held);
    stopped = release(r, &event, &ready);
    full = generator_accept(e->generator, slot, id);
    go_on = tell(r, &event);
    if (r->held.len != 0)
        drop_front(&r->held, ready);
    if (stopped)
        buf_clear(&r->held);
    if (!go_on)
        reply_end(e, slot, FINISH_CANCELLED, NULL);
    else if (stopped || (r->state != NULL && grammar_closed(r->state)))
        reply_end(e, slot, FINISH_STOP, NULL);
    else if (full != 0 || written(r) >= spec->max_tokens)
        reply_end(e, slot, FINISH_LENGTH, NULL);
}

/* One token for every reply that runs. */
static void advance(struct engine *e)
{
    struct error error = {0};
    const int rc = generator_forward(e->generator, &error);
    for (int slot = 0; slot < e->options.slots; slot++) {
        struct reply *r = &e->replies[slot];
        const float *raw;
        int32_t id;
        if (r->job == NULL)
            continue;
        if (rc != 0) {
            reply_end(e, slot, FINISH_ERROR, error.text);
            continue;
        }
        r->job->primed = true;
        raw = generator_logits(e->generator, slot);
        id = pick(e, r, raw);
        if (id < 0)
            reply_end(e, slot, FINISH_ERROR, "no token of this model continues the required form");
        else if (is_stop(e, r, id))
            reply_end(e, slot, FINISH_STOP, NULL);
        else
            take_token(e, slot, id, raw);
    }
}

/* -- admission ------------------------------------------------------------------------------- */

/* One token of the prompt is told, as if the reply had begun with it. */
struct prompt_scores {
    struct engine *e;
    struct reply *r;
    bool go_on;
};

static void tell_given(void *context, int32_t token, const float *logits)
{
    struct prompt_scores *p = context;
    const struct engine_job *spec = &p->r->job->spec;
    struct score_alternative top[ENGINE_TOP_MAX];
    const double norm = score_norm(logits, p->e->vocab);
    struct engine_event event = {.token = true, .given = true, .id = p->r->ids[token], .top = top};
    event.logprob = (float)((double)logits[event.id] - norm);
    score_top(logits, p->e->vocab, norm, top, spec->top);
    p->go_on = p->go_on && tell(p->r, &event);
}

/* 0; 1: nobody listens any more; -1. */
static int score_prompt(struct engine *e, struct reply *r, struct error *error)
{
    struct prompt_scores p = {e, r, true};
    struct engine_event event = {.token = true, .given = true, .id = r->ids[0], .logprob = NAN};
    p.go_on = tell(r, &event);
    if (r->first > 1 && score_text(e->options.model, r->ids, r->first, tell_given, &p, error) != 0)
        return -1;
    return p.go_on ? 0 : 1;
}

/* Open the next reply of a job in a slot. */
static void reply_begin(struct engine *e, struct job *j)
{
    const struct engine_job *spec = &j->spec;
    struct sampling sampling = spec->sampling;
    struct error error = {0};
    struct reply *r;
    int slot, scored;
    /* Clients send one seed with many prompts: each prompt has draws of its own all the same. */
    sampling.seed =
        hash64(j->prompt, (size_t)spec->prompt_tokens * sizeof *j->prompt, sampling.seed) +
        (uint64_t)j->started;
    slot = generator_open(e->generator, j->prompt, spec->prompt_tokens, &error);
    if (slot < 0) {
        struct engine_event event = {.choice = j->started++,
                                     .finish = FINISH_ERROR,
                                     .message = error.text};
        (void)spec->on_event(spec->context, &event);
        j->primed = true;
        if (--j->open == 0)
            job_close(j);
        return;
    }
    r = &e->replies[slot];
    *r = (struct reply){.job = j, .choice = j->started++, .sampling = sampling};
    r->stream = tokenizer_stream_new(e->options.tokenizer, TOKENIZER_SKIP_SPECIAL);
    r->held = BUF_MAX(HELD_MAX);
    r->ids = mem_alloc((size_t)e->options.capacity * sizeof *r->ids);
    memcpy(r->ids, j->prompt, (size_t)spec->prompt_tokens * sizeof *r->ids);
    r->n = r->first = spec->prompt_tokens;
    if (spec->grammar != NULL) {
        if (e->pieces == NULL)
            make_pieces(e);
        r->state = grammar_state_new(spec->grammar);
    }
    scored = spec->score_prompt ? score_prompt(e, r, &error) : 0;
    if (scored != 0)
        reply_end(e, slot, scored > 0 ? FINISH_CANCELLED : FINISH_ERROR, error.text);
    else if (spec->max_tokens == 0)
        reply_end(e, slot, FINISH_LENGTH, NULL);
}

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
            reply_end(e, slot, FINISH_CANCELLED, NULL);
    pthread_mutex_lock(&e->lock);
    j = e->first;
    e->first = e->last = NULL;
    pthread_mutex_unlock(&e->lock);
    while (j != NULL) {
        struct job *next = j->next;
        job_close(j);
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
            reply_begin(e, j);
            continue; /* fill every free slot before the pass */
        }
        busy = running(e);
        advance(e);
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
