/*
 * Shingles of a text: what near-duplicate detection compares.
 *
 * Words (letters, marks, numbers, '_', lower-cased, full-width folded) give 3-grams inside every
 * run that no character of an unspaced script (Han, kana, Thai, Lao, Khmer, Myanmar) breaks; a
 * run of one or two words is one shingle.  Adjacent characters of unspaced scripts give bigrams;
 * a single one is one shingle.  Digits are kept.  A text without words or such characters
 * ("?!", an emoji) is one shingle: itself.  Empty text has none.  Punctuation and invalid bytes
 * separate.  This is the definition used by ../shared/peers/filter/make_corpus.py.
 *
 * A text may come in several pieces (instruction, input, output): they are joined as by a newline.
 */
#ifndef FILTER_SHINGLE_H
#define FILTER_SHINGLE_H

#include "core/slice.h"
#include "filter/kernels/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shingler {
    uint64_t *items; /* the hashes in order of the text; repeated ones are repeated */
    size_t n, cap;
    /* private */
    const struct words_kernel *kernel;
    uint64_t *masks;
    size_t mask_cap;
    uint64_t *words; /* of the open run; two when their shingles have been taken */
    size_t n_words, words_cap;
    bool three;           /* the open run has given shingles of three */
    uint32_t character;   /* last character of the open unspaced run */
    unsigned characters;  /* in that run, at most 2 */
    size_t character_end; /* its offset in the current piece */
    uint64_t odd;         /* hash of text without tokens */
    uint64_t head[2];     /* the words the text begins with, where it begins with words */
    size_t heads;         /* how many of them */
    bool short_head;      /* no third word follows in their run */
    bool unspaced_head;   /* it begins with a character of an unspaced script */
};

void shingle_init(struct shingler *s, const struct words_kernel *kernel); /* NULL: the best */
void shingle_free(struct shingler *s);
void shingle_start(struct shingler *s);
void shingle_add(struct shingler *s, struct slice piece);
void shingle_end(struct shingler *s);
/* In the place of shingle_add(output) and shingle_end, where `output` has been shingled by itself:
 * append only the shingles that reach from this text into that one; those of `output` are the rest.
 * False: it cannot be told so, and nothing was done. */
bool shingle_join(struct shingler *s, const struct shingler *output);

#endif
