/*
 * A teacher behind HTTP that scores a given text: `echo` with logprobs of the completions interface
 * (retort serve, vLLM, llama.cpp).  Rows go out as the student's token ids where the server takes
 * them for what they are; its alternatives are known by their bytes (train/distill/align.h).
 */
#ifndef TRAIN_DISTILL_ECHO_H
#define TRAIN_DISTILL_ECHO_H

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "model/tokenizer.h"
#include "train/distill/labels.h"
#include "train/examples.h"

#include <stddef.h>
#include <stdint.h>

struct echo;

/* teacher: the recipe's block, whose provider must be openai-completions; names of files in it begin
 * at `folder`. */
struct echo *echo_open(const struct json *teacher, const char *folder, const struct tokenizer *t,
                       struct error *error);
void echo_close(struct echo *e);
/* Address and model. */
struct hash128 echo_identity(const struct echo *e);
/* Append the labels of every supervised token of which[0 .. n), k alternatives asked for.  A request
 * that fails is tried some times more; then, and where the server does not score, -1. */
struct echo_rows {
    const struct examples *examples;
    const uint32_t *which;
    size_t n;
    int32_t k;
};
int echo_label(struct echo *e, const struct echo_rows *rows, struct labels *out,
               struct error *error);

#endif
