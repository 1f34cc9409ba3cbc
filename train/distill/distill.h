/*
 * Distillation beside the learner: where a micro-batch's soft labels come from, and the loss of its
 * rows.
 *
 *     recipe ── options ─┬─ "labels":  stored logprobs ── align ──► labels of every row
 *                        ├─ "endpoint": echo over HTTP beside each micro-batch
 *                        └─ folders:   teacher ─┬─ cache (labels or logits of every row, mapped)
 *                                               └─ a forward pass beside each micro-batch
 *
 *     step        distill_step         weights of this step
 *     micro-batch distill_micro        labels of its rows, or the teacher's forward pass
 *     chunk       model_loss           one backend operation on the chunk's logits
 *
 * The loss of a step is the sum over its supervised tokens divided by their number, as without a
 * teacher: a row's weight does not depend on how the step was cut.
 */
#ifndef TRAIN_DISTILL_DISTILL_H
#define TRAIN_DISTILL_DISTILL_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "corpus/corpus.h"
#include "model/model.h"
#include "train/distill/align.h"
#include "train/distill/cache.h"
#include "train/distill/echo.h"
#include "train/distill/matcher.h"
#include "train/distill/options.h"
#include "train/distill/seen.h"
#include "train/distill/teacher.h"
#include "train/feed.h"
#include "train/ranks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct distill_setup {
    const struct distill_options *options;
    const struct examples *examples;
    const struct tokenizer *tokenizer;
    const struct examples_source *source; /* how the rows were read */
    const struct model_config *config;    /* the student's */
    const struct model_options *model;
    struct model_limits limits;
    uint64_t seed;
    const char *out; /* folder of the run */
};

/* A micro-batch: these of these examples, laid out in the feed. */
struct distill_batch {
    const struct feed *feed;
    const struct examples *examples;
    const uint32_t *which;
    size_t n;
    bool own; /* the student wrote the replies: the policy's loss, no hard labels, no matches */
};

struct distill_sums {
    double soft, hard, statistic, match;
    double labelled; /* rows with a soft label */
};

struct distill {
    struct distill_setup setup;
    struct labels labels; /* of all examples: stored, or the cache's */
    bool labelled;
    struct align_count aligned;
    struct seen seen;    /* the rows as a local teacher sees them */
    struct buf warnings; /* lines */
    int64_t common;
    struct hash128 identity; /* of teacher or labels */
    struct cache *cache;
    struct teacher *teacher;
    struct echo *echo;       /* NULL: no teacher behind HTTP */
    struct matcher *matcher; /* NULL: no matches */
    struct backend *b;       /* the student's */
    struct tensor full;      /* [chunk, common]: logits from the cache */
    /* the step and micro-batch in hand */
    struct soft_how how;
    struct distill_batch now;
    struct labels live; /* of its rows, with top_k and no cache */
    struct soft_top *top;
    struct soft_parts *parts;
    int32_t *row_example, *row_number; /* of each row: place in which[], row within the example */
    size_t cap_top, cap_parts, cap_example, cap_number;
    struct feed beside; /* what the teacher sees: of one example, or of the micro-batch */
    struct model_loss loss;
};

/* Everything that needs no weights: stored labels, whether the teacher fits, whether the cache is
 * ours. */
int distill_open(struct distill *d, const struct distill_setup *s, struct corpus *c,
                 struct error *error);
void distill_close(struct distill *d);
/* "soft_labels" of the report. */
void distill_describe(const struct distill *d, struct json *report);
/* Bytes that the teacher, its cache's chunk and the labels take beside the student. */
int64_t distill_memory(const struct distill *d);

/* Load the teacher, or make and map its cache (the first of the ranks makes it). */
int distill_start(struct distill *d, struct backend *b, struct ranks *ranks, struct error *error);

/* progress: share of the run's steps that is done; mean: of the schedule's statistic in the step
 * before, NAN for none. */
void distill_step(struct distill *d, double progress, double mean);
/* Before the student's pass of a micro-batch: fills pass->loss and pass->watch. */
int distill_micro(struct distill *d, const struct distill_batch *batch, struct model_pass *pass,
                  struct error *error);
/* Of the micro-batch that was run last, row by row in order. */
struct distill_sums distill_sums(const struct distill *d);

#endif
