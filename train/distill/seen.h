/*
 * What a local teacher sees: the student's rows under the teacher's own chat template.
 *
 *     student   Sort these words: …\n                              banana, pear<|im_end|>
 *     teacher   <|im_start|>user\nSort these words: …<|im_end|>\n…   banana, pear<|im_end|>
 *
 * The prompt is rendered as the teacher was trained to read it; the reply is the student's tokens, one
 * for one, so that row k of an example means the same token on both sides.  A teacher without a
 * template sees the student's rows as they are, and so does every teacher of a row whose earlier
 * replies come out as another number of tokens.
 */
#ifndef TRAIN_DISTILL_SEEN_H
#define TRAIN_DISTILL_SEEN_H

#include "core/error.h"
#include "corpus/corpus.h"
#include "train/examples.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    struct examples rows;   /* item i is what the teacher sees of the student's example i */
    uint32_t *by_row;       /* of an example's `row`: its number */
    bool differs;           /* any row is not the student's own */
    struct examples spoken; /* of seen_spoken */
};

/* folder: the teacher's. */
int seen_read(struct seen *s, struct corpus *c, const struct examples *student, const char *folder,
              const struct examples_source *source, struct error *error);
void seen_free(struct seen *s);

/* The same for rows that the student wrote itself (their `row` says which example they answer):
 * which[0 .. n) of them, numbered 0 .. n - 1, valid until the next call. */
const struct examples *seen_spoken(struct seen *s, const struct examples *own,
                                   const uint32_t *which, size_t n);

#endif
