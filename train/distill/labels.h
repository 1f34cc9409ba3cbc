/*
 * Soft labels of examples: for each supervised token the teacher's most likely ones, as token ids of
 * the student.  In memory, or views into a mapped cache (train/distill/cache.h).
 *
 *     example i   rows [rows[i], rows[i + 1])      one for each supervised token, in order
 *     row r       labels [first[r], first[r + 1])  most likely first; none: the row stays a hard one
 */
#ifndef TRAIN_DISTILL_LABELS_H
#define TRAIN_DISTILL_LABELS_H

#include "model/soft/soft.h"
#include "train/examples.h"

#include <stddef.h>
#include <stdint.h>

struct labels {
    const int32_t *rows, *first, *ids;
    const float *logprobs;
    float temperature; /* at which the logprobs were taken */
    size_t n_examples, n_rows, n_labels;
    int32_t *own[3]; /* what the views show where it is ours */
    float *own_logprobs;
    size_t cap[4];
};

/* Empty, with a row for each supervised token of the examples. */
void labels_open(struct labels *l, const struct examples *e, float temperature);
/* Empty, for so many rows that belong to no set of examples. */
void labels_clear(struct labels *l, size_t rows, float temperature);
/* Append the labels of the next row (rows in order, each once). */
void labels_add(struct labels *l, const int32_t *ids, const float *logprobs, size_t n);
struct soft_top labels_row(const struct labels *l, size_t row);
struct soft_top labels_top(const struct labels *l, uint32_t example, uint32_t row);
void labels_close(struct labels *l);

#endif
