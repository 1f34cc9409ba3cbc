/*
 * Turns of a conversation in the shape of a chat format: read into a sample, written from one.
 *
 * One question and one answer, with or without a system prompt, become the plain fields; anything
 * longer or richer keeps its turns before the last reply as they are in `messages`, with the last
 * user turn as the instruction.
 */
#ifndef CORPUS_CONVERSATION_H
#define CORPUS_CONVERSATION_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "corpus/record.h"
#include "corpus/samples.h"

/* How a format names things.  roles: pairs of (its name, ours), NULL-ended; the first pair of each
 * of ours is what is written, and other names stay as they are. */
struct conversation_shape {
    const char *role_key, *content_key;
    const char *const (*roles)[2];
};
extern const struct conversation_shape conversation_openai, conversation_sharegpt;

/* Fill system, instruction, input, output, reasoning and messages.  0, or -1 with ERROR_INPUT. */
int conversation_read(struct record *r, const struct json *turns,
                      const struct conversation_shape *shape, struct sample *s,
                      struct error *error);
/* [{"role":…,"content":…},…] with the reply last.  0, or -1 with ERROR_INPUT. */
int conversation_write(const struct sample *s, const struct conversation_shape *shape,
                       struct buf *out, struct error *error);

#endif
