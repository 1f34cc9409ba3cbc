/*
 * Inside the engine: what its files share.
 *
 *     engine.c        the queue of jobs, the thread, its life
 *     engine_reply.c  a reply: opened in a slot, told of, ended
 *     engine_token.c  one token for every reply that runs
 */
#ifndef SERVE_ENGINE_PARTS_H
#define SERVE_ENGINE_PARTS_H

#include "core/buf.h"
#include "serve/engine.h"

#include <pthread.h>

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

/* The job is over: tell it, and free it. */
void engine_job_close(struct job *j);

/* -- engine_reply.c -- */

/* Tokens drawn so far. */
int32_t engine_reply_written(const struct reply *r);
/* Tell the job; false: it asks to cancel. */
bool engine_reply_tell(struct reply *r, struct engine_event *event);
/* Open the next reply of a job in a free slot. */
void engine_reply_begin(struct engine *e, struct job *j);
void engine_reply_end(struct engine *e, int slot, enum engine_finish finish, const char *message);

/* -- engine_token.c -- */

/* The bytes each token stands for, before a grammar first asks. */
void engine_token_pieces(struct engine *e);
/* One pass, and one token for every reply that runs. */
void engine_token_advance(struct engine *e);

#endif
