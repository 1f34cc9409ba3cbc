/*
 * The held-out rows of a dataset: those that train leaves out (corpus/split.h), as conversations
 * that end with the teacher's reply.
 */
#ifndef EVAL_HELD_H
#define EVAL_HELD_H

#include "core/error.h"
#include "core/json.h"
#include "corpus/corpus.h"

#include <stddef.h>
#include <stdint.h>

struct held {
    struct json **turns; /* owned */
    int64_t *samples;    /* their numbers */
    size_t n;
    size_t kept; /* rows looked at */
};

/* share: train.held_out; limit: at most so many, those first in the order of their contents, as
 * train measures them; 0: all. */
int held_read(struct held *h, struct corpus *c, double share, uint64_t limit, struct error *error);
void held_free(struct held *h);

#endif
