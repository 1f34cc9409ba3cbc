/* A folder answers: several replies generated together. */
#include "eval/folder.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/signals.h"
#include "model/generate.h"

#include <string.h>

/* A question while it is being answered. */
struct writing {
    const struct question *question;
    int32_t *prompt, *reply;
    int32_t n_prompt, n_reply, cap;
    int slot; /* -1: not open */
    int64_t started_ns;
};

struct session {
    struct folder *f;
    struct generator *g;
    struct writing *open; /* by slot */
    int32_t n_open;
    subject_heard *heard;
    void *context;
};

static bool is_stop(const struct folder *f, int32_t id)
{
    for (int32_t i = 0; i < f->n_stops; i++)
        if (f->stops[i] == id)
            return true;
    return false;
}

static int hand_over(struct session *s, const struct writing *w, const char *reason,
                     struct error *error)
{
    struct buf text = BUF;
    struct answer a = {.key = w->question->key,
                       .model = slice_of(s->f->subject.name),
                       .finish_reason = slice_of(reason),
                       .input_tokens = w->n_prompt,
                       .output_tokens = w->n_reply,
                       .ms = (clock_ns() - w->started_ns) / 1000000};
    int status;
    tokenizer_decode(s->f->tokenizer, w->reply, (size_t)w->n_reply, TOKENIZER_SKIP_SPECIAL, &text);
    a.reply = buf_view(&text);
    status = s->heard(s->context, w->question->index, &a, error);
    buf_free(&text);
    return status;
}

static void forget(struct session *s, struct writing *w)
{
    if (w->slot >= 0) {
        generator_close(s->g, w->slot);
        s->n_open--;
    }
    mem_free(w->prompt);
    mem_free(w->reply);
    memset(w, 0, sizeof *w);
    w->slot = -1;
}

/* Open the next question; one that does not fit is answered with its failure at once. */
static int open_one(struct session *s, struct writing *prepared, struct error *error)
{
    struct error why = {ERROR_NONE, ""};
    int status = 0;
    prepared->started_ns = clock_ns();
    prepared->slot = generator_open(s->g, prepared->prompt, prepared->n_prompt, &why);
    if (prepared->slot >= 0) {
        s->open[prepared->slot] = *prepared;
        s->n_open++;
        return 0;
    }
    if (why.code == ERROR_LIMIT) {
        status =
            hand_over(s, prepared, "failed: the prompt is longer than the model's context", error);
    } else {
        status = -1;
        if (error != NULL)
            *error = why;
    }
    forget(s, prepared);
    return status;
}

/* Choose the next token of one sequence; hand the reply over where it ends. */
static int write_on(struct session *s, struct writing *w, struct error *error)
{
    const struct subject_how *how = s->f->subject.how;
    const struct sampling sampling = {.temperature = how->temperature,
                                      .top_p = 1,
                                      .repetition_penalty = 1,
                                      .seed = how->seed ^ w->question->key.lo};
    struct sampling_state state = {.drawn = (uint64_t)w->n_reply};
    bool stop, full;
    int32_t id;
    state.tokens = generator_tokens(s->g, w->slot, &state.n);
    id = sampling_pick(&sampling, generator_logits(s->g, w->slot), model_config(s->f->model)->vocab,
                       &state);
    stop = is_stop(s->f, id);
    full = !stop && generator_accept(s->g, w->slot, id) != 0;
    if (!stop)
        w->reply[w->n_reply++] = id;
    if (!stop && !full && w->n_reply < w->cap)
        return 0;
    if (hand_over(s, w, stop ? "stop" : "length", error) != 0)
        return -1;
    forget(s, w);
    return 0;
}

static int advance(struct session *s, struct error *error)
{
    int32_t slots = s->f->subject.how->slots;
    if (generator_forward(s->g, error) != 0)
        return -1;
    for (int32_t i = 0; i < slots; i++)
        if (s->open[i].question != NULL && write_on(s, &s->open[i], error) != 0)
            return -1;
    return 0;
}

/* Prompts of all questions, and the capacity the generator needs for them. */
static int prepare(struct folder *f, const struct question *q, size_t n, struct writing *w,
                   int32_t *capacity, struct error *error)
{
    int32_t positions = model_config(f->model)->positions;
    *capacity = 2;
    for (size_t i = 0; i < n; i++) {
        int32_t most;
        if (supervise_prompt(&f->supervise, &f->worker, q[i].messages, &f->tokens, error) != 0)
            return error_wrap(error, "prompt %zu", i + 1);
        w[i].question = &q[i];
        w[i].n_prompt = (int32_t)f->tokens.tokens.n;
        w[i].prompt = mem_alloc((f->tokens.tokens.n + 1) * sizeof *w[i].prompt);
        memcpy(w[i].prompt, f->tokens.tokens.ids, f->tokens.tokens.n * sizeof *w[i].prompt);
        w[i].cap = (int32_t)q[i].max_tokens;
        w[i].reply = mem_alloc(((size_t)w[i].cap + 1) * sizeof *w[i].reply);
        most = w[i].n_prompt + w[i].cap;
        if (positions > 0 && most > positions)
            most = positions;
        if (most > *capacity)
            *capacity = most;
    }
    return 0;
}

static int run_session(struct session *s, struct writing *w, size_t n, struct error *error)
{
    int32_t slots = s->f->subject.how->slots;
    size_t next = 0;
    int status = 0;
    while (status == 0 && (next < n || s->n_open != 0)) {
        if (signals_draining())
            status = error_set(error, ERROR_INTERRUPTED,
                               "stopped; answers so far are stored, run the same command to go on");
        else if (next < n && s->n_open < slots)
            status = open_one(s, &w[next++], error);
        else
            status = advance(s, error);
    }
    for (size_t i = next; i < n; i++) {
        mem_free(w[i].prompt);
        mem_free(w[i].reply);
    }
    for (int32_t i = 0; i < slots; i++)
        if (s->open[i].question != NULL)
            forget(s, &s->open[i]);
    return status;
}

int folder_ask(struct subject *subject, const struct question *q, size_t n, subject_heard *heard,
               void *context, struct error *error)
{
    struct folder *f = (struct folder *)subject;
    struct writing *w = mem_zero(n + 1, sizeof *w);
    struct generator_options options = {.slots = subject->how->slots};
    struct session s = {.f = f, .heard = heard, .context = context};
    int status = prepare(f, q, n, w, &options.capacity, error);
    if (status == 0 && (s.g = generator_new(f->model, &options, error)) == NULL)
        status = -1;
    if (status == 0) {
        s.open = mem_zero((size_t)options.slots, sizeof *s.open);
        for (int32_t i = 0; i < options.slots; i++)
            s.open[i].slot = -1;
        status = run_session(&s, w, n, error);
        mem_free(s.open);
    } else {
        for (size_t i = 0; i < n; i++) {
            mem_free(w[i].prompt);
            mem_free(w[i].reply);
        }
    }
    generator_free(s.g);
    mem_free(w);
    return status;
}
