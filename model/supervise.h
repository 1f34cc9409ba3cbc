/*
 * A conversation as training tokens: rendered, encoded, cut to length.  What train learns from and
 * eval measures on is made here, so that both see the same tokens.
 *
 * mask[i] = 1 says that token i is to be predicted (from the tokens before it); the first token is
 * never predicted.  What follows the last supervised token is cut off, since nothing depends on it.
 * A longer row than max_length is cut inside its reply, and the token that ends the turn takes the
 * last place, so that the student still learns to stop.
 */
#ifndef MODEL_SUPERVISE_H
#define MODEL_SUPERVISE_H

#include "core/error.h"
#include "core/json.h"
#include "model/chat.h"
#include "model/tokenizer.h"

#include <stdbool.h>
#include <stdint.h>

struct supervise {
    const struct tokenizer *tokenizer; /* borrowed */
    const struct chat_template *chat;  /* borrowed */
    char *bos, *eos;                   /* pieces; NULL where there is none */
    uint32_t max_length;               /* tokens; 0: no limit */
    bool last_reply_only;              /* else every reply of a conversation is supervised */
};

/* The working memory of one thread. */
struct supervise_worker {
    struct tokenizer_scratch *scratch;
    struct chat_render render;
};

struct supervise_row {
    uint32_t length;     /* tokens kept; 0: nothing is supervised (or all of it lay too far back) */
    uint32_t supervised; /* of them, those to predict */
    bool truncated;      /* the row was longer than max_length */
};

void supervise_open(struct supervise *s, const struct tokenizer *t, const struct chat_template *c);
void supervise_close(struct supervise *s);
void supervise_worker_open(struct supervise_worker *w, const struct supervise *s);
void supervise_worker_close(struct supervise_worker *w);

/* Encode a conversation that ends with a reply; ids and mask are out->tokens.ids and out->mask, of
 * which the first row->length count. */
int supervise_encode(const struct supervise *s, struct supervise_worker *w,
                     const struct json *turns, struct chat_tokens *out, struct supervise_row *row,
                     struct error *error);
/* Encode a conversation as the prompt of a reply still to be written. */
int supervise_prompt(const struct supervise *s, struct supervise_worker *w,
                     const struct json *turns, struct chat_tokens *out, struct error *error);

/* The ids that end a reply: the template's end of turn, then the tokenizer's and the given ones,
 * each once.  Returns how many were put into out[0 .. max). */
int32_t supervise_stops(const struct supervise *s, const int32_t *more, int32_t n_more,
                        int32_t *out, int32_t max);

#endif
