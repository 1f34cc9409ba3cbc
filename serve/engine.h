/*
 * The engine: one thread that runs a model for many requests at once (continuous batching).
 *
 * A job is one prompt and n replies to it.  Jobs wait in a queue of stated length; each reply
 * takes a slot of the generator as one becomes free, and leaves it when it ends, while the others go
 * on.  What a reply says depends on the model, the prompt, the sampling and its seed, never on
 * what runs beside it.
 *
 * The job's callback is called on the engine's thread, for every piece of text and once at the end of
 * each reply.  It must not block.
 */
#ifndef SERVE_ENGINE_H
#define SERVE_ENGINE_H

#include "core/error.h"
#include "core/slice.h"
#include "model/generate.h"
#include "model/tokenizer.h"
#include "serve/grammar.h"
#include "serve/score.h"

#include <stdbool.h>
#include <stdint.h>

enum engine_finish {
    FINISH_NONE,
    FINISH_STOP,
    FINISH_LENGTH,
    FINISH_CANCELLED,
    FINISH_IMPOSSIBLE, /* the vocabulary cannot spell what the grammar wants: so it would end again */
    FINISH_ERROR,
};

enum { ENGINE_TOP_MAX = 20, ENGINE_STOPS_MAX = 16, ENGINE_BIAS_MAX = 300 };

struct engine_event {
    int choice;
    struct slice text; /* new text, whole characters; may be empty */
    bool token;        /* a token was drawn: the three below are set */
    bool given;        /* it is one of the prompt's (job.score_prompt): text is empty */
    int32_t id;
    float logprob;                       /* NAN: the first of the prompt has none */
    const struct score_alternative *top; /* `job.top` of them, best first; NULL where NAN */
    enum engine_finish finish;
    int32_t completion_tokens; /* of this reply so far */
    const char *message;       /* of the last three: why */
};

struct engine_bias {
    int32_t id;
    float bias;
};

struct engine_job {
    const int32_t *prompt; /* ids; the job copies what it is given */
    int32_t prompt_tokens;
    int32_t choices; /* replies, each with draws of its own: functions of prompt, seed and number */
    int32_t max_tokens;
    struct sampling sampling;
    double presence_penalty, frequency_penalty; /* OpenAI's, over the reply */
    struct slice stops[ENGINE_STOPS_MAX];       /* texts that end a reply and are left out of it */
    size_t n_stops;
    struct engine_bias bias[ENGINE_BIAS_MAX];
    size_t n_bias;
    struct grammar *grammar; /* NULL: any text; the engine's from submission on */
    int top;                 /* alternatives wanted a token, 0 to ENGINE_TOP_MAX */
    bool want_logprobs;
    bool score_prompt; /* tell the tokens of the prompt too, before the reply's */
    bool ignore_eos;
    /* Asked before a reply is begun; false: nobody waits for it any more.  NULL: somebody does. */
    bool (*wanted)(void *context);
    /* false asks to cancel the reply. */
    bool (*on_event)(void *context, const struct engine_event *event);
    void (*on_close)(void *context); /* the job is over and will not call again */
    void *context;
};

struct engine_options {
    struct model *model; /* the engine's alone while it runs */
    const struct tokenizer *tokenizer;
    const int32_t *stops; /* ids that end a reply */
    int32_t n_stops;
    int32_t slots, capacity; /* see model/generate.h */
    int32_t queue;           /* jobs that may wait */
};

struct engine_stats {
    uint64_t jobs, prompt_tokens, completion_tokens, steps, refused;
    int32_t running, waiting;
};

struct engine;

struct engine *engine_start(const struct engine_options *options, struct error *error);
/* 0, or -1: the prompt is too long (ERROR_LIMIT) or the queue is full (ERROR_BUSY).  On failure
 * the callbacks are never called and the grammar stays the caller's. */
int engine_submit(struct engine *e, const struct engine_job *job, struct error *error);
void engine_stats(struct engine *e, struct engine_stats *out);
int32_t engine_capacity(const struct engine *e);
/* End: running replies are cancelled, waiting jobs closed, and every later submission refused. */
void engine_stop(struct engine *e);
void engine_free(struct engine *e); /* stops first where that is still to do */

#endif
