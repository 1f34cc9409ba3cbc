/*
 * The feed: turns a list of examples into the packed batch of a pass.
 *
 * Each example becomes one segment.  A supervised token i of an example is the target of the row
 * before it (i - 1), so targets never cross from one example into the next.
 */
#ifndef TRAIN_FEED_H
#define TRAIN_FEED_H

#include "model/batch.h"
#include "train/examples.h"

#include <stddef.h>
#include <stdint.h>

struct feed {
    struct batch batch; /* of the last feed_fill; its arrays are below */
    int32_t *ids, *starts, *rows, *targets, *types;
    float *losses; /* room for the loss of each supervised row */
    size_t cap_ids, cap_starts, cap_rows, cap_targets, cap_losses, cap_types;
};

#define FEED ((struct feed){.ids = NULL})

/* Lay out the examples which[0 .. n); the batch is valid until the next call. */
void feed_fill(struct feed *f, const struct examples *e, const uint32_t *which, size_t n);
/* Sum of f->losses over the segment-th example's rows, and how many there are. */
double feed_segment_loss(const struct feed *f, int32_t segment, int32_t *rows);
void feed_free(struct feed *f);

#endif
