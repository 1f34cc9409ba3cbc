/*
 * Learning-rate schedules: a linear warm-up, then a shape over the rest.
 *
 * With W warm-up steps of T in all, step t (from 0) has
 *     t <  W:  peak · (t + 1) / W
 *     t >= W:  floor + (peak - floor) · shape(x),  x = (t - W) / (T - W) in [0, 1)
 *     cosine (1 + cos πx) / 2 · linear 1 - x · constant 1
 *     wsd (warm-up, stable, decay): 1 until the last `decay` of the steps, then linear to 0
 *         (Hu et al. 2024, MiniCPM; the linear tail is Hägele et al. 2024)
 * A pure function of the step: resuming needs no state.
 */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "core/error.h"

#include <stdint.h>

struct schedule_kind {
    const char *name;
    double (*shape)(double x, double decay);
};

struct schedule {
    const struct schedule_kind *kind;
    double peak, floor;     /* learning rates */
    double decay;           /* wsd: part of all steps that decays, (0, 1] */
    uint64_t warmup, total; /* steps */
};

extern const struct schedule_kind *const schedule_kinds[]; /* NULL-ended */

/* The kind of that name, or NULL with an error that lists the names. */
const struct schedule_kind *schedule_find(const char *name, struct error *error);
/* The rate of step t; the last rate goes on past the end. */
double schedule_rate(const struct schedule *s, uint64_t step);

#endif
