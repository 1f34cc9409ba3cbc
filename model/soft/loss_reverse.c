/* Reverse KL: the expectation is the student's.  g = log(q/p), up to a constant. */
#include "model/soft/soft_internal.h"

static double rkl(const struct soft_how *how, const struct soft_math *m, struct soft_bins *b)
{
    (void)how;
    (void)m;
    for (size_t i = 0; i < b->n; i++)
        b->h[i] = -b->q[i] * b->d[i];
    return soft_dot(b->h, NULL, b->n);
}

const struct soft_loss soft_rkl = {.name = "rkl", .summary = "reverse KL(q || p)", .bins = rkl};
