/*
 * Alignment by bytes: which of the student's tokens of a reply are also tokens of the teacher's, and
 * which of the teacher's alternatives are tokens of the student.
 *
 *     teacher   |The| cat| sat|.|          student   |The| c|at| sat|.|
 *                ^^^      ^^^^ ^                      ^^^        ^^^^ ^     3 of 5 aligned
 *
 * A student's token that covers exactly the bytes of one of the teacher's gets that position's
 * labels; the others stay hard.  An alternative is known by its bytes: where they are those of no
 * token of the student, its probability joins the tail.  The token that ends a turn is known by the
 * spelling of the student's own.
 *
 * The server is not trusted: a logprob that is not a number, not finite, or a sentinel such as -9999
 * is left out; one above 0 counts as 0; a token that came twice counts once; a position of which
 * less than a millionth of the probability is known is a hard one.
 */
#ifndef TRAIN_DISTILL_ALIGN_H
#define TRAIN_DISTILL_ALIGN_H

#include "corpus/softlabels.h"
#include "model/tokenizer.h"
#include "train/distill/labels.h"

/* The student's tokens by their bytes. */
struct vocabulary;
struct vocabulary *vocabulary_new(const struct tokenizer *t);
void vocabulary_free(struct vocabulary *v);
/* The id of the token with these bytes, or -1. */
int32_t vocabulary_find(const struct vocabulary *v, struct slice bytes);

struct align_count {
    uint64_t tokens;             /* supervised tokens of rows that have stored labels */
    uint64_t aligned;            /* of them, those with soft labels */
    uint64_t alternatives;       /* of aligned positions, as they came */
    uint64_t known;              /* of them, tokens of the student */
    uint64_t dropped;            /* alternatives whose logprob is no use */
    uint64_t rows, rows_aligned; /* rows with stored labels; of them, those aligned anywhere */
};

/* Append the labels of one example's rows: ids[0 .. n) are its supervised tokens in order, `soft`
 * what the server sent for its reply. */
void align_reply(const struct vocabulary *v, const struct softlabels *soft, const int32_t *ids,
                 size_t n, struct labels *out, struct align_count *count);

/* Append the labels of one of the server's positions. */
void align_position(const struct vocabulary *v, const struct softlabels *soft, size_t at,
                    struct labels *out);

#endif
