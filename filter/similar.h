/*
 * Are two rows the same sample?  The exact answer for a candidate pair of near-duplicates.
 *
 * All of these must hold at threshold T:
 *   1. the exact Jaccard similarity of the shingles of the joined texts is at least T;
 *   2. the outputs alone reach T - 0.2: the same prompt with another answer is no duplicate;
 *   3. the prompts share at least half of their words: the same answer to another question is none;
 *   4. the pair is no variant: what differs is not the value, the sign or the subject alone.
 *
 * A variant, told from the words one text has and the other lacks (counted, order left aside):
 *   number    both have numbers the other lacks, or the texts are equal but for their numbers;
 *   negation, operator, name   nothing else differs, and names differ on both sides;
 *   subject   each has a content word, met in its prompt and in its output, that the other lacks:
 *             one replaced the other throughout.
 */
#ifndef FILTER_SIMILAR_H
#define FILTER_SIMILAR_H

#include "core/arena.h"
#include "core/slice.h"
#include "filter/shingle.h"
#include "filter/tokens.h"

#include <stdbool.h>

#define SIMILAR_OUTPUT_SLACK 0.2
#define SIMILAR_PROMPT_FLOOR 0.5

enum similar_fields { SIMILAR_ALL, SIMILAR_OUTPUT, SIMILAR_PROMPT };

enum similar_kind {
    SIMILAR_DUPLICATE,
    SIMILAR_LOW,          /* below the threshold */
    SIMILAR_OTHER_OUTPUT, /* same prompt, other answer */
    SIMILAR_OTHER_PROMPT, /* same answer, other question */
    SIMILAR_VARIANT,      /* `why` says of what kind */
};

/* In which of the two sets of shingles one is: that which the threshold is for (of the joined text,
 * or of one field), and that of the output. */
enum { SIMILAR_IN_WHOLE = 1, SIMILAR_IN_OUTPUT = 2, SIMILAR_SETS = 3 };

/* The texts of a row. */
struct similar_row {
    struct slice prompt[2], output;
    size_t n_prompt;
};

/* Tokens of a text, sorted: of each the upper bits of its hash and, in the lowest six, its kinds,
 * inverted, so that of equal words the one that says more comes first. */
struct similar_words {
    uint64_t *items; /* UINT64_MAX behind them */
    size_t n;
};

/* A row made ready for comparison, in the memory of the scratch it was made with. */
struct similar_text {
    uint64_t *shingles; /* of both sets: sorted, distinct, SIMILAR_IN_… in their lowest bits */
    size_t n, n_whole, n_output;
    size_t n_low;                        /* those below 2^63 */
    struct similar_words prompt, output; /* by similar_tokens */
    uint64_t skeleton, numbers;          /* hashes of the tokens, numbers masked; of the numbers */
};

/* Working memory, for many rows one after the other, and that of their texts. */
struct similar_scratch {
    struct arena texts;
    struct shingler whole, output;
    uint64_t *shingles;
    size_t cap;
    struct tokens prompt_tokens, output_tokens;
};

struct similar_result {
    enum similar_kind kind;
    double all, output; /* exact Jaccard */
    double prompt;      /* share of common words (Dice), where conditions 1 and 2 hold */
    const char *why;    /* of a variant: "number", "negation" …; else NULL */
};

void similar_open(struct similar_scratch *s);
void similar_close(struct similar_scratch *s);
void similar_reset(struct similar_scratch *s); /* all texts made so far are gone */
/* The shingles, which similar_measure compares. */
void similar_shingles(struct similar_text *t, struct similar_scratch *scratch,
                      enum similar_fields fields, const struct similar_row *row);
/* The tokens, which similar_tell compares. */
void similar_tokens(struct similar_text *t, struct similar_scratch *scratch,
                    const struct similar_row *row);
/* Conditions 1 and 2; `kind` is SIMILAR_DUPLICATE where both hold. */
void similar_measure(const struct similar_text *a, const struct similar_text *b,
                     enum similar_fields fields, double threshold, struct similar_result *out);
/* The other two, of a pair that similar_measure took for a duplicate. */
void similar_tell(const struct similar_text *a, const struct similar_text *b,
                  enum similar_fields fields, struct similar_result *out);
/* Of what kind a variant the pair is, NULL: none. */
const char *similar_variant(const struct similar_text *a, const struct similar_text *b);

#endif
