/*
 * Training a byte-level BPE vocabulary of our own (Sennrich et al. 2016 on bytes, as GPT-2).
 *
 * Deterministic: the same texts in the same order give the same file; ties between equally
 * frequent pairs go to the pair that comes first in (left id, right id) order, as in the
 * tokenizers library.
 */
#ifndef MODEL_TOKENIZER_TRAIN_H
#define MODEL_TOKENIZER_TRAIN_H

#include "core/buf.h"
#include "core/error.h"
#include "core/slice.h"

#include <stdint.h>

struct tokenizer_trainer;

struct tokenizer_train_options {
    int32_t vocab_size;          /* all ids: specials + 256 bytes + merges; at least that many */
    const char *const *specials; /* NULL-ended: control tokens, ids 0, 1 …; NULL for none */
    uint64_t min_frequency;      /* pairs seen less often are not merged; 0 means 2 */
    const char *bos, *eos, *pad, *unk; /* among the specials, or NULL; for the config */
};

struct tokenizer_trainer *tokenizer_trainer_new(const struct tokenizer_train_options *options,
                                                struct error *error);
/* Count the words of one text; invalid UTF-8 is repaired. */
int tokenizer_trainer_add(struct tokenizer_trainer *t, struct slice text, struct error *error);
/* Learn the merges and append the tokenizer.json (and the tokenizer_config.json, unless NULL). */
int tokenizer_trainer_finish(struct tokenizer_trainer *t, struct buf *json, struct buf *config,
                             struct error *error);
void tokenizer_trainer_free(struct tokenizer_trainer *t);

#endif
