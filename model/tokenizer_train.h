/*
 * Training a vocabulary of our own: byte-level BPE (Sennrich et al. 2016, on bytes as GPT-2), or
 * WordPiece as BERT has it (lower case, without accents, cut at blanks and punctuation, "##" before
 * what goes on a word), whose pieces are joined by the same rule, as the tokenizers library does.
 *
 * Words are cut by GPT-2's pattern; the most frequent pair of neighbours is joined again and
 * again.  Deterministic: equally frequent pairs are joined in the order of their ids, so the same
 * texts in any order give the same vocabulary, and the one that the tokenizers library's
 * BpeTrainer gives.
 *
 *     struct tokenizer_trainer *r = tokenizer_trainer_new(&options, error);
 *     tokenizer_trainer_add(r, text, error) … for each text
 *     struct tokenizer *t = tokenizer_trainer_finish(r, error);
 *     tokenizer_write(t, "tiny", chat_template, error);
 */
#ifndef MODEL_TOKENIZER_TRAIN_H
#define MODEL_TOKENIZER_TRAIN_H

#include "core/error.h"
#include "core/slice.h"
#include "model/tokenizer.h"

#include <stdbool.h>
#include <stdint.h>

struct tokenizer_trainer;

struct tokenizer_train_options {
    int32_t vocab_size;          /* all ids: specials, 256 bytes, merges; fewer where the texts do
                                    not hold enough pairs */
    const char *const *specials; /* NULL-ended: control tokens, ids 0, 1 …; NULL for none */
    const char *bos, *eos, *pad; /* among the specials, or NULL */
    bool digits;                 /* each digit is a word of its own, so that numbers are read and
                                    written digit by digit */
    bool wordpiece;         /* then specials are BERT's ([PAD], [UNK], [CLS], [SEP], [MASK]) and
                                    the fields above but vocab_size are not looked at */
    uint64_t min_frequency; /* pairs seen less often are not joined; 0 means 2 */
};

struct tokenizer_trainer *tokenizer_trainer_new(const struct tokenizer_train_options *options,
                                                struct error *error);
/* Count the words of one text; invalid UTF-8 is repaired; words over 1,024 bytes are left out. */
int tokenizer_trainer_add(struct tokenizer_trainer *r, struct slice text, struct error *error);
/* Learn the merges.  The trainer may then only be freed. */
struct tokenizer *tokenizer_trainer_finish(struct tokenizer_trainer *r, struct error *error);
void tokenizer_trainer_free(struct tokenizer_trainer *r);

#endif
