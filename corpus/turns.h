/*
 * A sample as a conversation: the one place that decides how instruction and input become a user
 * message, so that the teacher is asked, the student is trained and both are scored with the same
 * words.
 */
#ifndef CORPUS_TURNS_H
#define CORPUS_TURNS_H

#include "core/buf.h"
#include "core/json.h"
#include "corpus/samples.h"

#include <stdbool.h>

/* The user's text: instruction, a blank line, input (the instruction alone where there is none). */
int turns_prompt(const struct sample *s, struct buf *out);

/* [{"role","content"}, …]: the system message where there is one, the earlier turns or the
 * user's text, and, with `reply`, the output as the assistant's message ("reasoning_content"
 * beside it where the sample has reasoning).  An owned tree; NULL with ERROR_INPUT when the stored
 * turns are not a JSON array of objects. */
struct json *turns_of(const struct sample *s, bool reply, struct error *error);

#endif
