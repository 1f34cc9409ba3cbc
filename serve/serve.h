/*
 * `retort serve`: an OpenAI-compatible server for a model folder.
 *
 *     POST /v1/chat/completions   POST /v1/completions     whole or streamed
 *     GET  /v1/models             GET  /health             GET /metrics (Prometheus)
 *     POST /tokenize              POST /detokenize
 *
 * Stops on the first signal (core/signals.h): no new connections, what runs is finished for up to
 * drain_s, then cut.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

struct serve_options {
    const char *model;    /* the folder */
    const char *name;     /* as clients call it; NULL: the folder's last part */
    const char *address;  /* NULL: 127.0.0.1 */
    int port;             /* 0: any free one */
    const char *key;      /* API key clients must send; NULL: none */
    const char *template; /* built-in chat template; NULL: the folder's own */
    int slots;            /* replies at once */
    int context;          /* tokens of prompt and reply; 0: the model's, at most 4096 */
    int queue;            /* requests that may wait */
    int threads;          /* 0: all */
    bool int8;            /* the layers' matrices in 8 bits */
    int drain_s;
    /* Called when the server listens: for the line a person sees, and for tests. */
    void (*ready)(void *context, const char *name, int port);
    void *ready_context;
};

/* Serve until a signal.  0 after a clean shutdown. */
int serve_run(const struct serve_options *options, struct error *error);

#endif
