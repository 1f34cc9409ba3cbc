/*
 * The other side of a conversation: a model folder on this machine, or an OpenAI-compatible
 * server elsewhere.  One reply at a time, handed out as it is written.
 *
 *     struct talk *t = talk_open(&how, error);
 *     talk_say(t, &(struct talk_turn){.messages = messages, .text = print}, &reply, error);
 *
 * Two kinds plug in (talk_folder.c, talk_server.c).
 */
#ifndef SERVE_TALK_H
#define SERVE_TALK_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"

#include <stdbool.h>
#include <stdint.h>

struct talk_how {
    const char *to;       /* a folder, or http://… or https://… */
    const char *model;    /* a server's name for it; NULL: the first that it lists */
    const char *template; /* a folder's; NULL: its own */
    const char *key_env;  /* the variable that holds a server's key; NULL: none */
    const char *key_file; /* or the file */
    double temperature;
    int64_t max_tokens; /* of a reply */
    int context;        /* a folder's: tokens of the conversation; 0: LOADED_CONTEXT */
    int threads;        /* a folder's */
    bool int8;          /* a folder's weights in 8 bits */
};

struct talk_turn {
    const struct json *messages; /* the user's is the last */
    uint64_t seed;
    /* Hears the text as it comes, whole characters; false ends the reply there. */
    bool (*text)(void *context, struct slice text);
    void *context;
};

/* The strings are buf_free'd by talk_reply_free. */
struct talk_reply {
    struct buf text;
    const char *finish; /* "stop", "length"; "cancelled": text said so, or a signal came */
    int64_t prompt_tokens, completion_tokens; /* 0: the server did not say */
};
void talk_reply_free(struct talk_reply *r);

struct talk;
struct talk_ops {
    int (*say)(struct talk *t, const struct talk_turn *turn, struct talk_reply *out,
               struct error *error);
    void (*close)(struct talk *t);
};
/* What every kind's own struct begins with. */
struct talk {
    const struct talk_ops *ops;
    char *name; /* of the model, for people */
};

struct talk *talk_open(const struct talk_how *how, struct error *error);
void talk_close(struct talk *t);
/* The reply to the conversation.  `out` is filled also where it was cancelled. */
int talk_say(struct talk *t, const struct talk_turn *turn, struct talk_reply *out,
             struct error *error);

/* The two kinds, for talk_open. */
struct talk *talk_folder(const struct talk_how *how, struct error *error);
struct talk *talk_server(const struct talk_how *how, struct error *error);

#endif
