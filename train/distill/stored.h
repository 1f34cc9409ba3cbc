/* Soft labels from the black box: the logprobs that gen stored with the rows, aligned by bytes. */
#ifndef TRAIN_DISTILL_STORED_H
#define TRAIN_DISTILL_STORED_H

#include "core/error.h"
#include "corpus/corpus.h"
#include "model/tokenizer.h"
#include "train/distill/align.h"

/* -1 where reading fails, and where not one row has stored labels or not one token was aligned:
 * the error then says what to do. */
int stored_read(struct labels *l, struct align_count *count, struct corpus *c,
                const struct examples *e, const struct tokenizer *t, struct error *error);

#endif
