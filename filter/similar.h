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

struct similar_set {
    uint64_t *items; /* sorted, distinct */
    size_t n;
};

/* A row made ready for comparison; owns its memory. */
struct similar_text {
    struct similar_set all, output, prompt;
    struct tokens prompt_tokens, output_tokens; /* sorted by hash */
    uint64_t skeleton, numbers; /* hashes of the token sequence, numbers masked; of the numbers */
};

struct similar_result {
    enum similar_kind kind;
    double all, output, prompt; /* exact Jaccard; prompt: share of common words (Dice) */
    const char *why;            /* of a variant: "number", "negation" …; else NULL */
};

/* The prompt's set is only made for SIMILAR_PROMPT. */
void similar_prepare(struct similar_text *t, struct shingler *scratch, enum similar_fields fields,
                     const struct slice *prompt, size_t n_prompt, struct slice output);
void similar_free(struct similar_text *t);
/* Of what kind a variant the pair is, NULL: none. */
const char *similar_variant(const struct similar_text *a, const struct similar_text *b);
void similar_judge(const struct similar_text *a, const struct similar_text *b,
                   enum similar_fields fields, double threshold, struct similar_result *out);

#endif
