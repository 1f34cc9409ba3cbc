/* Distances: between probabilities of the same token, of the same rank, and between logits. */
#include "model/soft/soft_internal.h"

#include <math.h>

/* Closer than rounding is equal: there the derivative is 0 and not whichever sign came out. */
static double sign(double d, double size)
{
    return fabs(d) <= 1e-6 * size ? 0 : d > 0 ? 1 : -1;
}

static double absolute(struct soft_bins *b, double factor)
{
    double sum = 0;
    for (size_t i = 0; i < b->n; i++) {
        const double d = b->q[i] - b->p[i];
        sum += factor * fabs(d);
        b->h[i] = factor * b->q[i] * sign(d, b->p[i] + b->q[i]);
    }
    return sum;
}

static double tvd(const struct soft_how *how, const struct soft_math *m, struct soft_bins *b)
{
    (void)how;
    (void)m;
    return absolute(b, 0.5);
}

static double uld(const struct soft_how *how, const struct soft_math *m, struct soft_bins *b)
{
    (void)how;
    (void)m;
    return absolute(b, 1);
}

/* d is (t - z)/T here, and h the derivative by z/T. */
static double mse(const struct soft_how *how, const struct soft_math *m, struct soft_bins *b)
{
    double sum = 0;
    (void)how;
    (void)m;
    for (size_t i = 0; i < b->n; i++) {
        sum += b->d[i] * b->d[i];
        b->h[i] = -2 * b->d[i];
    }
    return sum;
}

const struct soft_loss soft_tvd = {.name = "tvd",
                                   .summary = "total variation 1/2 sum |p - q|",
                                   .zero_tail = true,
                                   .bins = tvd};
const struct soft_loss soft_uld = {.name = "uld",
                                   .summary = "sorted probabilities, for foreign vocabularies",
                                   .zero_tail = true,
                                   .ranks = true,
                                   .bins = uld};
const struct soft_loss soft_mse = {.name = "mse",
                                   .summary = "mean squared difference of logits",
                                   .logits = true,
                                   .bins = mse};
