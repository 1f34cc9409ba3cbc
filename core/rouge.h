/*
 * ROUGE-L (Lin 2004): the F1 of the longest common subsequence of words, LCS by bits.
 *
 * Words are runs of letters, digits and marks in lower case, as in the rouge-score package without
 * its stemmer, but that letters of every script count and that each Han or Kana character is a word
 * by itself (those scripts write no spaces).
 *
 * rouge_index answers exactly whether a text is closer than a threshold to any of very many: a text
 * with F > t to one of m words shares at least k = floor(t m / (2 - t)) + 1 word occurrences with
 * it, so it holds one of the m - k + 1 rarest of them (prefix filter); of those found, lengths with
 * 2 min(m, n) / (m + n) <= t are skipped, and the rest gets the bit-parallel LCS of Allison and Dix
 * (1986) in the form of Hyyrö (2004): one addition for 64 words of the pattern and one of the text.
 * Two texts that are both kept and equally close: the one of the smaller number is named.
 */
#ifndef CORE_ROUGE_H
#define CORE_ROUGE_H

#include "core/slice.h"

#include <stddef.h>
#include <stdint.h>

enum { ROUGE_WORDS_MAX = 20000 }; /* words of a text past these are not looked at */

struct rouge_index;
struct rouge_asker;

struct rouge_index *rouge_index_new(void);
void rouge_index_free(struct rouge_index *x);
/* Keep a text; its number, from 0. */
size_t rouge_index_add(struct rouge_index *x, struct slice text);
size_t rouge_index_count(const struct rouge_index *x);
/* The number of a kept text with F1 > threshold (the closest; of equals the first) and that F1 in
 * *f; SIZE_MAX and *f = 0 where there is none.  threshold in [0, 1). */
size_t rouge_index_closest(struct rouge_index *x, struct slice text, double threshold, double *f);

/*
 * The same in steps, for very many texts on several threads: hold the words of all, keep some of
 * them (only kept ones are found), and ask with an asker a thread, while nobody holds or keeps.
 */
size_t rouge_index_hold(struct rouge_index *x, const uint64_t *words, size_t n); /* its number */
/* Returns its place among the kept: 0, 1 … */
size_t rouge_index_keep(struct rouge_index *x, size_t number);
struct rouge_asker *rouge_asker_new(const struct rouge_index *x); /* which must outlive it */
void rouge_asker_free(struct rouge_asker *a);
/* As rouge_index_closest, of the held text `number`, among the kept from place `since` on. */
size_t rouge_asker_closest(struct rouge_asker *a, size_t number, size_t since, double threshold,
                           double *f);

/* The hashes of a text's words, allocated (mem_free). */
uint64_t *rouge_words(struct slice text, size_t *n);
size_t rouge_word_count(struct slice text);
/* F1 of two texts; 0 where one has no words. */
double rouge_l(struct slice a, struct slice b);

#endif
