/* Generalised Jensen-Shannon divergence: m/q = 1 + b (p/q - 1), g = -(1-b) log(m/q). */
#include "model/soft/soft_internal.h"

static double jsd(const struct soft_how *how, const struct soft_math *m, struct soft_bins *b)
{
    const double beta = how->beta;
    double mixed[SOFT_BLOCK], logs[SOFT_BLOCK], sum = 0;
    for (size_t at = 0; at < b->n; at += SOFT_BLOCK) {
        const size_t n = b->n - at < SOFT_BLOCK ? b->n - at : SOFT_BLOCK;
        for (size_t i = 0; i < n; i++)
            mixed[i] = 1 + beta * (b->p[at + i] / b->q[at + i] - 1);
        soft_logs(m, logs, mixed, n);
        for (size_t i = 0; i < n; i++) {
            const double q = b->q[at + i];
            sum += beta * b->p[at + i] * (b->d[at + i] - logs[i]) - (1 - beta) * q * logs[i];
            b->h[at + i] = -(1 - beta) * q * logs[i];
        }
    }
    return sum;
}

const struct soft_loss soft_jsd = {.name = "jsd",
                                   .summary = "generalised Jensen-Shannon divergence",
                                   .zero_tail = true,
                                   .bins = jsd};
