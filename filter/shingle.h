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
#include "filter/kernels/mask.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shingler {
    uint64_t *items; /* the hashes in order of the text; repeated ones are repeated */
    size_t n, cap;
    /* private */
    const struct mask_kernel *kernel;
    uint64_t *masks;
    size_t mask_cap;
    uint64_t w1, w2;
    unsigned run;         /* words in the open run, at most 3 */
    uint32_t character;   /* last character of the open unspaced run */
    unsigned characters;  /* in that run, at most 2 */
    size_t character_end; /* its offset in the current piece */
    uint64_t odd;         /* hash of text without tokens */
    bool any;
};

void shingle_init(struct shingler *s, const struct mask_kernel *kernel); /* NULL: the best */
void shingle_free(struct shingler *s);
void shingle_start(struct shingler *s);
void shingle_add(struct shingler *s, struct slice piece);
void shingle_end(struct shingler *s);
/* Sort the items and drop repeats: the set, for exact Jaccard. */
void shingle_sort(struct shingler *s);

/* Jaccard of two sorted sets; two empty sets are alike (1). */
double shingle_jaccard(const uint64_t *a, size_t na, const uint64_t *b, size_t nb);
/* The same where it reaches `least`; else some number below that, found with less work. */
double shingle_jaccard_from(const uint64_t *a, size_t na, const uint64_t *b, size_t nb,
                            double least);

#endif
