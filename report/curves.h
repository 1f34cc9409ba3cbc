/*
 * The curves of one training: from the metrics file beside its checkpoints, or, where that is not
 * to be had, from what the dataset remembers of the checkpoints.
 */
#ifndef REPORT_CURVES_H
#define REPORT_CURVES_H

#include "core/json.h"

#include <stddef.h>

struct curve {
    double *x, *y;
    size_t n, cap_x, cap_y;
};

struct curves {
    struct curve loss, held_out, tokens_per_s;
};

void curves_add(struct curve *c, double x, double y);
/* One line of metrics (train/journal.h): {"step","loss","tokens_per_s"} or {"step",
 * "held_out_loss"}. */
void curves_line(struct curves *c, const struct json *line);
/* The file metrics.jsonl in the folder of a checkpoint or one of the two above it; lines that are
 * no JSON are left out.  Whether there was one. */
int curves_read(struct curves *c, const char *checkpoint);
void curves_clear(struct curves *c);

#endif
