/*
 * Uncertainty of scores: intervals of one model, paired tests of two.
 */
#ifndef EVAL_STATS_H
#define EVAL_STATS_H

#include <stddef.h>
#include <stdint.h>

struct interval {
    double value, low, high;
};

/* Wilson's score interval of k successes in n (Wilson 1927), at the given confidence (0.95).
 * n 0: value NAN, low 0, high 1. */
struct interval stats_wilson(uint64_t k, uint64_t n, double confidence);

/* Percentile bootstrap of a mean (Efron 1979) over n values; `rounds` resamples from the seed. */
struct interval stats_bootstrap(const double *x, size_t n, double confidence, int rounds,
                                uint64_t seed);

/* Exact McNemar test (two-sided binomial, p = 1/2): of the discordant pairs, a were right only by
 * one model and b only by the other.  1 when there is no discordant pair. */
double stats_mcnemar(uint64_t a, uint64_t b);

/* Two-sided p of the mean of paired differences d[0 .. n) being 0, by flipping signs at random
 * (Fisher's randomisation test); (hits + 1) / (rounds + 1). */
double stats_signflip(const double *d, size_t n, int rounds, uint64_t seed);

/* Quantile of the standard normal distribution (0 < p < 1). */
double stats_normal_quantile(double p);

#endif
