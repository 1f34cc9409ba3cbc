/*
 * Words that are known by name: negations, number words, and frequent words that no text is about.
 */
#ifndef FILTER_SPECIAL_H
#define FILTER_SPECIAL_H

#include <stddef.h>
#include <stdint.h>

enum { SPECIAL_KNOWN = 128 };

/* To be called before any other; more than once does no harm, from any thread. */
void special_make(void);
/* TOKEN_NEGATION and TOKEN_NUMBER_WORD of the word with that hash (filter/tokens.h), or-ed, and
 * SPECIAL_KNOWN; 0: it is not known. */
unsigned special_kind(uint64_t hash);
/* Words for which the table has no place: none, which a test makes sure of when one is added. */
size_t special_lost(void);

#endif
