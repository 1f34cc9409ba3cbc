/*
 * Samples from the student: greedy replies to prompts of held-out examples, while it trains.
 */
#ifndef TRAIN_REPLIES_H
#define TRAIN_REPLIES_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "model/model.h"
#include "model/tokenizer.h"
#include "train/examples.h"

#include <stddef.h>
#include <stdint.h>

struct replies {
    const struct tokenizer *tokenizer;
    const struct examples *examples;
    const int32_t *stops;
    int32_t n_stops, max_tokens;
};

/* Append {"sample","prompt","reply","wanted"} for example i to the array: the text before its last
 * reply, what the model now says, and what the teacher said. */
int replies_add(const struct replies *r, struct model *m, uint32_t i, struct json *array,
                struct error *error);

#endif
