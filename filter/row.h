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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one rule found out and another asks too; filled on demand. */
struct row_notes {
    bool known, apology, helps, rebuts;
    int claim;       /* enum claim */
    size_t from, to; /* of the sentence, in the output */
};

enum { ROW_SENTENCES = 4 };

struct row {
    const struct sample *sample;
    struct slice prompt[2]; /* n_prompt pieces, none empty */
    size_t n_prompt;
    struct slice request;     /* what was asked last: the instruction, or the last turn */
    struct slice output;      /* as stored */
    struct slice reply;       /* output without white space at its ends, Unicode's included */
    const uint64_t *shingles; /* of the output, and the two that run into it from the prompt */
    size_t n_shingles;
    struct slice sentences[ROW_SENTENCES]; /* the first of the reply */
    size_t n_sentences;
    struct row_notes *notes; /* never NULL; writable by the rules */
    struct row_notes own_notes;
    struct buf turns; /* memory of a multi-turn prompt; kept between rows */
};

#define ROW ((struct row){.turns = BUF})

void row_set(struct row *r, const struct sample *s);
/* Shingle prompt and output into `s`, which row->shingles then points into. */
void row_shingle(struct row *r, struct shingler *s);
/* Cut the first sentences of the reply into row->sentences. */
void row_sentences(struct row *r);
/* The next sentence of the text at or after *at, line by line; *at moves behind it.  False where
 * there is none. */
bool row_sentence(struct slice text, size_t *at, struct slice *sentence);
void row_free(struct row *r);
/* Without white space of any script, zero-width spaces and byte order marks at both ends. */
struct slice row_trim(struct slice s);

#endif
