/* A reply of the engine: opened in a slot of the generator, told of, ended. */
#include "serve/engine_parts.h"

#include "core/hash.h"
#include "core/mem.h"
#include "serve/stops.h"

#include <math.h>
#include <string.h>

enum { HELD_MAX = 1 << 20 };

int32_t engine_reply_written(const struct reply *r)
{
    return r->n - r->first;
}

bool engine_reply_tell(struct reply *r, struct engine_event *event)
{
    event->choice = r->choice;
    event->completion_tokens = engine_reply_written(r);
    return r->job->spec.on_event(r->job->spec.context, event);
}

void engine_reply_end(struct engine *e, int slot, enum engine_finish finish, const char *message)
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
    (void)engine_reply_tell(r,
                            &(struct engine_event){.text = slice_sub(buf_view(&r->held), 0, ready),
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
        engine_job_close(j);
}

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
    p->go_on = p->go_on && engine_reply_tell(p->r, &event);
}

/* 0; 1: nobody listens any more; -1. */
static int score_prompt(struct engine *e, struct reply *r, struct error *error)
{
    struct prompt_scores p = {e, r, true};
    struct engine_event event = {.token = true, .given = true, .id = r->ids[0], .logprob = NAN};
    p.go_on = engine_reply_tell(r, &event);
    if (r->first > 1 && score_text(e->options.model, r->ids, r->first, tell_given, &p, error) != 0)
        return -1;
    return p.go_on ? 0 : 1;
}

/* The next reply of a job ends before it has begun. */
static void miss(struct job *j, enum engine_finish finish, const char *message)
{
    const struct engine_event event = {.choice = j->started++,
                                       .finish = finish,
                                       .message = message};
    (void)j->spec.on_event(j->spec.context, &event);
    j->primed = true;
    if (--j->open == 0)
        engine_job_close(j);
}

/* Open the next reply of a job in a slot. */
void engine_reply_begin(struct engine *e, struct job *j)
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
    if (spec->wanted != NULL && !spec->wanted(spec->context)) {
        miss(j, FINISH_CANCELLED, "nobody waits for the reply");
        return;
    }
    slot = generator_open(e->generator, j->prompt, spec->prompt_tokens, &error);
    if (slot < 0) {
        miss(j, FINISH_ERROR, error.text);
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
            engine_token_pieces(e);
        r->state = grammar_state_new(spec->grammar);
    }
    scored = spec->score_prompt ? score_prompt(e, r, &error) : 0;
    if (scored != 0)
        engine_reply_end(e, slot, scored > 0 ? FINISH_CANCELLED : FINISH_ERROR, error.text);
    else if (spec->max_tokens == 0)
        engine_reply_end(e, slot, FINISH_LENGTH, NULL);
}
