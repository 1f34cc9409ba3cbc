/*
 * What learning a WordPiece vocabulary does otherwise.  Private to train_bpe.c.
 */
#ifndef MODEL_TOKENIZER_TRAIN_WORDPIECE_H
#define MODEL_TOKENIZER_TRAIN_WORDPIECE_H

#include "core/buf.h"
#include "core/error.h"
#include "model/tokenizer/parts.h"

extern const char *const wordpiece_specials[]; /* [PAD] ... NULL */

/* BERT's tokenizer with these pieces behind the specials (which the vocabulary holds already). */
struct tokenizer *wordpiece_tokenizer(const struct vocab *v, struct error *error);

/* How often each character begins or goes on in words. */
struct wordpiece_alphabet;
struct wordpiece_alphabet *wordpiece_alphabet_new(void);
void wordpiece_alphabet_add(struct wordpiece_alphabet *a, struct slice word, uint64_t count);
/* Put the most frequent characters, at most `most`, into the vocabulary, each as "c" and "##c". */
int wordpiece_alphabet_put(struct wordpiece_alphabet *a, size_t most, struct vocab *v,
                           struct error *error);
void wordpiece_alphabet_free(struct wordpiece_alphabet *a);

/* The word as ids of its characters; how many, 0 where one is not in the vocabulary. */
uint32_t wordpiece_ids(const struct vocab *v, struct slice word, int32_t *ids);
/* Append the piece of two. */
void wordpiece_join(struct slice left, struct slice right, struct buf *piece);

#endif
