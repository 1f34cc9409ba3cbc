/*
 * Projections: what brings a student's hidden states [n, in] to the teacher's width, learnt beside
 * the student and thrown away after it.
 *
 *     y = act(x W' + b)      W [out, in] from N(0, 0.02), b 0; act: identity, relu, tanh
 *
 * All projections of a run lie in one block of the student's backend (values, AdamW's moments), so
 * that a checkpoint can keep them.
 */
#ifndef TRAIN_DISTILL_PROJECTION_H
#define TRAIN_DISTILL_PROJECTION_H

#include "train/distill/options.h"

#include <stddef.h>

struct projection {
    enum match_activation activation;
    size_t in, out;
    size_t at;   /* of W in the block; b follows */
    double rate; /* learning rate */
};

size_t projection_size(const struct projection *p); /* W and b */
/* y [n, out] of x [n, in] with the weights w (W, then b). */
void projection_forward(const struct projection *p, const double *w, const double *x, size_t n,
                        double *y);
/* dy becomes the gradient in front of the activation; dx, dw (W, then b) are added to. */
struct projection_grad {
    const double *x, *y;
    double *dy, *dx, *dw;
};
void projection_backward(const struct projection *p, const double *w,
                         const struct projection_grad *g, size_t n);

#endif
