/*
 * What a client asks for: the bodies of /v1/chat/completions and /v1/completions, checked field by
 * field.  A fault is answered with the OpenAI error shape, naming the parameter.
 */
#ifndef SERVE_REQUEST_H
#define SERVE_REQUEST_H

#include "core/json.h"
#include "model/chat.h"
#include "model/tokenizer.h"
#include "serve/engine.h"

#include <stdbool.h>
#include <stddef.h>

/* What is served; borrowed by all requests. */
struct served {
    const char *name; /* as /v1/models calls it */
    const struct tokenizer *tokenizer;
    struct tokenizer_scratch *scratch; /* of the HTTP thread */
    const struct chat_template *chat;  /* NULL: none, chat is refused */
    const char *bos, *eos;             /* literals for the template; NULL: none */
    int32_t capacity;
};

struct api_problem {
    int status;       /* HTTP */
    const char *type; /* "invalid_request_error", "server_error" … */
    const char *code; /* NULL: null */
    char param[64];   /* "": null */
    char message[1200];
};
/* Fill it; returns -1. */
int api_problem_set(struct api_problem *p, int status, const char *type, const char *param,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* A field of the body is not as it must be; returns -1. */
int api_problem_field(struct api_problem *p, const char *param, const char *what);
/* The body {"error":{…}}. */
void api_problem_write(const struct api_problem *p, struct buf *out);

enum request_kind { REQUEST_CHAT, REQUEST_TEXT };

enum { REQUEST_PROMPTS_MAX = 256, REQUEST_CHOICES_MAX = 128 };

struct request_prompt {
    struct tokens ids;
    struct buf text; /* for echo */
};

struct request {
    enum request_kind kind;
    bool stream, include_usage, echo;
    struct json *body;     /* owned: what slices below point into */
    struct engine_job job; /* prompt, callbacks and grammar are filled in by the caller */
    struct json *schema;   /* of response_format: borrowed from body; NULL none */
    bool json_object;
    struct request_prompt *prompts;
    size_t n_prompts;
};

/* 0, or -1 with the problem filled.  request_free is due in both cases. */
int request_parse(struct request *r, enum request_kind kind, struct slice body,
                  const struct served *served, struct api_problem *problem);
void request_free(struct request *r);
/* The grammar of response_format, a new one at each call, or NULL where there is none. */
int request_grammar(const struct request *r, struct grammar **out, struct api_problem *problem);

#endif
