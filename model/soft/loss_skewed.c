/*
 * Skewed KL of DistiLLM (lambda = l), in the ratio r = p/q, which is exactly 1 where p = q.
 *
 *     sfkl  m/q = 1 + l (r - 1)          loss p log(p/m)    g = (1-l) (1 - p/m)
 *     srkl  m/q = 1 + (1-l) (r - 1)      loss -q log(m/q)   g = -log(m/q) + l (1 - q/m)
 */
#include "model/soft/soft_internal.h"

/* ratio = p/q; mixed = 1 + share (ratio - 1). */
static void mix(const struct soft_bins *b, size_t from, size_t n, double share, double *mixed)
{
    for (size_t i = 0; i < n; i++)
        mixed[i] = 1 + share * (b->p[from + i] / b->q[from + i] - 1);
}

static double sfkl(const struct soft_how *how, const struct soft_math *m, struct soft_bins *b)
{
    const double l = how->lambda;
    double mixed[SOFT_BLOCK], logs[SOFT_BLOCK], sum = 0;
    for (size_t at = 0; at < b->n; at += SOFT_BLOCK) {
        const size_t n = b->n - at < SOFT_BLOCK ? b->n - at : SOFT_BLOCK;
        mix(b, at, n, l, mixed);
        soft_logs(m, logs, mixed, n);
        for (size_t i = 0; i < n; i++) {
            const double p = b->p[at + i], q = b->q[at + i];
            sum += p * (b->d[at + i] - logs[i]);
            b->h[at + i] = (1 - l) * (q - p / mixed[i]);
        }
    }
    return sum;
}

static double srkl(const struct soft_how *how, const struct soft_math *m, struct soft_bins *b)
{
    const double l = how->lambda;
    double mixed[SOFT_BLOCK], logs[SOFT_BLOCK], sum = 0;
    for (size_t at = 0; at < b->n; at += SOFT_BLOCK) {
        const size_t n = b->n - at < SOFT_BLOCK ? b->n - at : SOFT_BLOCK;
        mix(b, at, n, 1 - l, mixed);
        soft_logs(m, logs, mixed, n);
        for (size_t i = 0; i < n; i++) {
            const double q = b->q[at + i];
            sum -= q * logs[i];
            b->h[at + i] = q * (l * (1 - 1 / mixed[i]) - logs[i]);
        }
    }
    return sum;
}

const struct soft_loss soft_sfkl = {.name = "sfkl",
                                    .summary = "skewed forward KL(p || l p + (1-l) q)",
                                    .zero_tail = true,
                                    .bins = sfkl};
const struct soft_loss soft_srkl = {.name = "srkl",
                                    .summary = "skewed reverse KL(q || (1-l) p + l q)",
                                    .zero_tail = true,
                                    .bins = srkl};
