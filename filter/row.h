/*
 * A row as the rules see it: a stored sample with the texts they ask for, cut once.
 *
 * The prompt of a single-turn sample is its instruction and its input; of a multi-turn sample the
 * contents of its turns, the last of which is the request.  The system text is no part of either:
 * it is the same for many rows.  All slices live as long as the sample and the row.
 */
#ifndef FILTER_ROW_H
#define FILTER_ROW_H

#include "core/buf.h"
#include "core/slice.h"
#include "corpus/samples.h"
#include "filter/shingle.h"

#include <stddef.h>
#include <stdint.h>

struct row {
    const struct sample *sample;
    struct slice prompt[2]; /* n_prompt pieces, none empty */
    size_t n_prompt;
    struct slice request;     /* what was asked last: the instruction, or the last turn */
    struct slice output;      /* as stored */
    struct slice reply;       /* output without white space at its ends, Unicode's included */
    const uint64_t *shingles; /* of the output, and the two that run into it from the prompt */
    size_t n_shingles;
    struct slice *sentences; /* of the reply, line by line */
    size_t n_sentences, cap_sentences;
    struct buf turns; /* memory of a multi-turn prompt; kept between rows */
};

#define ROW ((struct row){.turns = BUF})

void row_set(struct row *r, const struct sample *s);
/* Shingle prompt and output into `s`, which row->shingles then points into. */
void row_shingle(struct row *r, struct shingler *s);
/* Cut the reply into row->sentences. */
void row_sentences(struct row *r);
void row_free(struct row *r);
/* Without white space of any script, zero-width spaces and byte order marks at both ends. */
struct slice row_trim(struct slice s);

#endif
