/*
 * The bodies that go back: chat completions and completions, whole or as server-sent events, in
 * OpenAI's shapes.  Everything is appended to a buffer.
 */
#ifndef SERVE_REPLY_H
#define SERVE_REPLY_H

#include "core/buf.h"
#include "serve/engine.h"
#include "serve/request.h"

#include <stdbool.h>
#include <stdint.h>

/* What all pieces of one reply have in common. */
struct reply_head {
    enum request_kind kind;
    char id[48];
    int64_t created; /* seconds */
    const char *model;
    const struct tokenizer *tokenizer;
    bool logprobs;
    int top;
};

/* One choice of a whole reply, gathered from its events. */
struct reply_choice {
    struct buf text;
    struct buf logprobs; /* the inside of the list(s), see reply_logprobs */
    struct buf more[3];  /* completions: token_logprobs, top_logprobs, text_offset */
    size_t tokens;
    size_t given; /* bytes of the prompt's tokens so far: where the next one begins */
    enum engine_finish finish;
};

struct reply_usage {
    int64_t prompt, completion;
};

void reply_choice_init(struct reply_choice *c);
void reply_choice_free(struct reply_choice *c);
/* Add an event to its choice. */
void reply_gather(const struct reply_head *h, struct reply_choice *c,
                  const struct engine_event *event);
/* The whole body. */
void reply_whole(const struct reply_head *h, const struct reply_choice *choices, size_t n,
                 const struct reply_usage *usage, struct buf *out);

/* Server-sent events: the first of a choice (chat only), one for an event, the usage, the end. */
void reply_first(const struct reply_head *h, int choice, struct buf *out);
void reply_event(const struct reply_head *h, const struct engine_event *event, struct buf *out);
void reply_usage(const struct reply_head *h, const struct reply_usage *usage, struct buf *out);
void reply_last(struct buf *out);

const char *reply_finish_name(enum engine_finish finish);

#endif
