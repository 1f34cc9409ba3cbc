/*
 * Answers of models to eval's prompts.  One that is stored is never asked again, so that a stopped
 * evaluation goes on and a changed grader costs nothing.
 */
#ifndef CORPUS_ANSWERS_H
#define CORPUS_ANSWERS_H

#include "core/error.h"
#include "core/hash.h"
#include "core/slice.h"
#include "corpus/corpus.h"

#include <stdint.h>

struct answer {
    struct hash128 key;         /* of model, conversation, sampling */
    struct slice model;         /* its name, for people */
    struct slice reply;         /* absent: it stands in the body */
    struct slice body;          /* as an endpoint sent it; absent: computed here */
    struct slice finish_reason; /* absent: not known */
    int64_t input_tokens, output_tokens, nusd, ms;
};

/* Store or replace. */
int answers_put(struct corpus *c, int64_t run, const struct answer *a, struct error *error);
/* 1 found: fn is called once, slices are valid during the call, its value is returned if not 0;
 * 0 not there; -1 failure. */
int answers_get(struct corpus *c, struct hash128 key,
                int (*fn)(void *context, const struct answer *a, struct error *error),
                void *context, struct error *error);

#endif
