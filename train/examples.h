/*
 * Examples: kept samples as token ids with a mask of what the loss counts (model/supervise.h).
 * One whose prompt alone fills max_length is left out and counted.
 *
 * Examples are ordered by what they say, not by where they stood: the same rows give the same
 * examples whatever their order in the file.
 */
#ifndef TRAIN_EXAMPLES_H
#define TRAIN_EXAMPLES_H

#include "core/buf.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/pool.h"
#include "corpus/samples.h"
#include "corpus/split.h"
#include "model/chat.h"
#include "model/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct example {
    size_t first; /* its tokens are ids[first .. first + length) of the set */
    uint32_t length, supervised;
    int64_t sample;
    struct hash128 hash;
    uint64_t task; /* hash of the field it is told by; 0: none */
    size_t row;    /* which of the kept samples, in the order of the file */
};

struct examples {
    struct example *items;
    size_t n, cap;
    int32_t *ids;
    uint8_t *mask;
    /* Encoders, else NULL: token types and targets of all tokens (-1: none; of answers 1 where one
     * begins, plus 2 where it ends), and each example's soft label [classes], NAN: none. */
    int32_t *types, *targets;
    float *soft;
    int32_t classes;
    bool spans;
    size_t n_tokens, cap_ids, cap_mask;
    struct split_row *splits; /* of all kept samples, also those that made no example */
    size_t n_splits, cap_splits;
    size_t rows;         /* samples looked at: n + unsupervised + too_long + refused */
    size_t unsupervised; /* without a token to learn */
    size_t too_long;     /* longer than max_length and to be dropped, or all prompt */
    size_t refused;      /* the template or the tokenizer refused */
    size_t truncated;    /* of n, those that were cut */
    struct error why;    /* of the first refusal */
};

struct examples_source {
    const struct tokenizer *tokenizer;
    const struct chat_template *chat;
    uint32_t max_length;
    bool last_reply_only;   /* else every reply of a conversation is supervised */
    const char *task_field; /* of meta, or "source": what tasks are told apart by; NULL: nothing */
    bool drop_long;         /* leave long examples out instead of cutting them */
    struct pool *pool;      /* NULL: one thread */
};

/* Read all kept samples.  -1 when reading fails or when not one example came out of them; the
 * error then says why and what to do. */
int examples_read(struct examples *e, struct corpus *c, const struct examples_source *source,
                  struct error *error);
void examples_free(struct examples *e);

/* Append one example as text: supervised runs green (or in ⟦…⟧ without colour), the rest as it is;
 * control characters are escaped. */
int examples_preview(const struct examples *e, size_t i, const struct tokenizer *t, bool colour,
                     struct buf *out);

#endif
