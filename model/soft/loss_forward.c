/* Forward losses: the expectation is the teacher's.  g = 1 - p/q, so h = q - p. */
#include "model/soft/soft_internal.h"

static double fkl(const struct soft_how *how, const struct soft_math *m, struct soft_bins *b)
{
    (void)how;
    (void)m;
    for (size_t i = 0; i < b->n; i++)
        b->h[i] = b->q[i] - b->p[i];
    return soft_dot(b->p, b->d, b->n);
}

static double ce(const struct soft_how *how, const struct soft_math *m, struct soft_bins *b)
{
    (void)how;
    (void)m;
    for (size_t i = 0; i < b->n; i++)
        b->h[i] = b->q[i] - b->p[i];
    return -soft_dot(b->p, b->lq, b->n);
}

const struct soft_loss soft_fkl = {.name = "fkl",
                                   .summary = "forward KL(p || q)",
                                   .zero_tail = true,
                                   .balanced = true,
                                   .bins = fkl};
const struct soft_loss soft_ce = {.name = "ce",
                                  .summary = "cross-entropy on soft labels",
                                  .zero_tail = true,
                                  .balanced = true,
                                  .bins = ce};
