/*
 * The conversation behind `retort chat`: its turns, and its way into a dataset.
 */
#ifndef CLI_CHAT_H
#define CLI_CHAT_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"

#include <stddef.h>

struct chat {
    char *system;       /* NULL: none */
    struct json *turns; /* user and assistant, in turn */
};

void chat_open(struct chat *c, const char *system);
void chat_close(struct chat *c);
void chat_system(struct chat *c, struct slice text); /* empty: none */
void chat_reset(struct chat *c);                     /* no turns; the system prompt stays */
void chat_say(struct chat *c, const char *role, struct slice text);
void chat_drop(struct chat *c); /* the last turn */
size_t chat_turns(const struct chat *c);
/* The role of the last turn, "" where there is none. */
const char *chat_last(const struct chat *c);
/* System prompt and turns as messages; the caller's. */
struct json *chat_messages(const struct chat *c);
/* "user: …" lines for people. */
void chat_show(const struct chat *c, struct buf *out);
/* Store it as one row of the dataset, made when missing: the last reply is its output.  Returns the
 * row's number, or -1. */
int64_t chat_save(const struct chat *c, const char *dataset, struct error *error);

#endif
