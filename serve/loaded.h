/*
 * A model folder made ready to talk: weights, tokenizer, chat template, and what ends a reply.
 */
#ifndef SERVE_LOADED_H
#define SERVE_LOADED_H

#include "core/buf.h"
#include "core/error.h"
#include "core/pool.h"
#include "model/chat.h"
#include "model/model.h"
#include "model/tokenizer.h"

#include <stdbool.h>
#include <stdint.h>

enum { LOADED_STOPS_MAX = CONFIG_MAX_EOS + 2, LOADED_CONTEXT = 4096 };

struct loaded {
    struct pool *pool;
    struct model *model;
    struct tokenizer *tokenizer;
    struct tokenizer_scratch *scratch;
    struct chat_template *chat; /* NULL: the folder has none and none was named */
    struct buf bos_text, eos_text;
    const char *bos, *eos;                    /* literals for the template; NULL: none */
    int32_t stops[LOADED_STOPS_MAX], n_stops; /* the config's end tokens, the tokenizer's, and the
                                                 template's end of turn */
};

struct loaded_how {
    const char *dir;
    const char *template; /* a built-in one; NULL: the folder's own */
    int threads;          /* 0: all */
    bool int8;            /* the layers' matrices as 8 bits in memory (model/int8.h) */
};

/* Fill it.  loaded_close is due in both cases. */
int loaded_open(struct loaded *l, const struct loaded_how *how, struct error *error);
void loaded_close(struct loaded *l);
/* Tokens of prompt and reply: what is wanted (0: LOADED_CONTEXT), at most the model's. */
int32_t loaded_context(const struct loaded *l, int wanted);

#endif
