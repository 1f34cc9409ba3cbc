/*
 * What an encoder reads: [CLS] a [SEP], or [CLS] a [SEP] b [SEP], with token types, cut to a length.
 * train learns from these and eval measures on them, so both see the same tokens.
 */
#ifndef MODEL_ENCODING_H
#define MODEL_ENCODING_H

#include "core/error.h"
#include "core/slice.h"
#include "model/config.h"
#include "model/tokenizer.h"

#include <stdint.h>

struct encoding {
    const struct tokenizer *t; /* borrowed */
    struct tokenizer_scratch *scratch;
    int32_t cls, sep;
    bool types, twice; /* RoBERTa: no types, two separators between the parts */
    int32_t max_length;
    struct tokens a, b;
    /* the result */
    int32_t *ids, *token_types;
    int32_t *words;             /* of words: the number at its first token, else -1 */
    struct token_range *ranges; /* of windows: bytes of b; empty elsewhere */
    size_t n, cap_ids, cap_types, cap_words, cap_ranges;
};

/* -1 where the tokenizer has neither [CLS] and [SEP] nor <s> and </s>. */
int encoding_open(struct encoding *e, const struct tokenizer *t, const struct model_config *c,
                  int32_t max_length, struct error *error);
void encoding_close(struct encoding *e);

/* A text, or two (b absent: one); the longer is cut first. */
int encoding_pair(struct encoding *e, struct slice a, struct slice b, struct error *error);
/* Words, each encoded by itself; words that do not fit are left out. */
int encoding_words(struct encoding *e, const struct slice *words, size_t n, struct error *error);
/* A question and a long context in windows that share `stride` tokens: prepare, then each window
 * until false. */
int encoding_windows(struct encoding *e, struct slice question, struct slice context,
                     struct error *error);
bool encoding_window(struct encoding *e, size_t index, int32_t stride);

#endif
