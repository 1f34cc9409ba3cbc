/*
 * Local teachers: one or several model folders beside the student, frozen, whose logits are averaged
 * with weights.
 *
 * A teacher must have the student's tokens: the same id means the same piece.  Where vocabularies of
 * one family differ in length (152064 against 151936 embeddings) the common part is compared, and
 * a warning says so.
 */
#ifndef TRAIN_DISTILL_TEACHER_H
#define TRAIN_DISTILL_TEACHER_H

#include "core/buf.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/pool.h"
#include "model/model.h"
#include "model/tokenizer.h"
#include "train/distill/labels.h"
#include "train/distill/options.h"

struct teacher;

struct teacher_setup {
    const struct distill_options *options;
    const struct tokenizer *tokenizer; /* the student's */
    int32_t vocab;                     /* the student's */
    const struct backend_ops *backend;
    struct pool *pool;
    struct model_limits limits;
};

/* Which teachers these are: folders' contents, weights, types. */
int teacher_digest(const struct distill_options *o, struct hash128 *out, struct error *error);
/* Compare the vocabularies without loading weights: *common gets the length of the common part, and
 * `warnings` (lines) what is to be known.  -1 where a teacher does not fit the student. */
int teacher_check(const struct teacher_setup *s, int64_t *common, struct buf *warnings,
                  struct error *error);
/* Bytes of the teachers' weights and workspaces. */
int teacher_memory(const struct teacher_setup *s, int64_t *bytes, struct error *error);

struct teacher *teacher_open(const struct teacher_setup *s, int64_t common, struct error *error);
void teacher_close(struct teacher *t);
const struct model_config *teacher_config(const struct teacher *t); /* of the first */

/* The forward pass of a batch; `watch` (NULL: none) watches the first teacher. */
int teacher_forward(struct teacher *t, const struct batch *b, const struct model_watch *watch,
                    struct error *error);
/* Mean logits [n, common] of supervised rows [first, first + n) of that batch, at most teacher_most
 * at once; valid until the next call, and may be written to. */
struct tensor teacher_chunk(struct teacher *t, int32_t first, int32_t n);
/* The same of as many rows as can be had; *n says how many. */
struct tensor teacher_rows(struct teacher *t, int32_t first, int32_t *n);
int32_t teacher_most(const struct teacher *t);
struct backend *teacher_backend(const struct teacher *t);
/* Append the k most likely tokens of each supervised row of that batch. */
int teacher_label(struct teacher *t, size_t k, double temperature, struct labels *out,
                  struct error *error);

#endif
