/*
 * Tokens with what they mean for telling a copy from a variant: words, characters of unspaced
 * scripts, and operators that stand between operands.  The words are those of filter/shingle.h.
 */
#ifndef FILTER_TOKENS_H
#define FILTER_TOKENS_H

#include "core/slice.h"
#include "filter/hashsort.h"

#include <stddef.h>
#include <stdint.h>

enum token_kind {
    TOKEN_NUMBER = 1,      /* holds a digit */
    TOKEN_NUMBER_WORD = 2, /* "seven", "twice", 七 */
    TOKEN_NEGATION = 4,    /* "not", "without", "nicht", 不 */
    TOKEN_OPERATOR = 8,    /* + - * / < > = ^ % … between operands */
    TOKEN_NAME = 16,       /* capitalised although no sentence starts there */
    TOKEN_CONTENT = 32,    /* long enough, and no function word, to be what a text is about */
};

struct tokens {
    struct hashsort_pair *items; /* kind: of enum token_kind, or-ed; rest: offset in its piece */
    size_t n, cap;
};

void tokens_release(struct tokens *t);
/* Append the tokens of a text. */
void tokens_add(struct tokens *t, struct slice text);

#endif
