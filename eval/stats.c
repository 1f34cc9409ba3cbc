#include "eval/stats.h"

#include "core/mem.h"
#include "core/rng.h"

#include <math.h>
#include <stdlib.h>

static const uint64_t stream_bootstrap = 0x626f6f74ULL; /* "boot" */
static const uint64_t stream_signs = 0x7369676eULL;     /* "sign" */
static const double pi = 3.14159265358979323846;

/* Abramowitz and Stegun 26.2.23 as a start, Newton's method for the rest. */
double stats_normal_quantile(double p)
{
    double t = sqrt(-2 * log(p < 0.5 ? p : 1 - p));
    double x = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                       (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    if (p < 0.5)
        x = -x;
    for (int i = 0; i < 4; i++)
        x -= (0.5 * erfc(-x / sqrt(2.0)) - p) / (exp(-x * x / 2) / sqrt(2 * pi));
    return x;
}

struct interval stats_wilson(uint64_t k, uint64_t n, double confidence)
{
    double z, p, middle, half;
    if (n == 0)
        return (struct interval){(double)NAN, 0, 1};
    z = stats_normal_quantile(0.5 + confidence / 2);
    p = (double)k / (double)n;
    middle = (p + z * z / (2 * (double)n)) / (1 + z * z / (double)n);
    half = z / (1 + z * z / (double)n) *
           sqrt(p * (1 - p) / (double)n + z * z / (4 * (double)n * (double)n));
    return (struct interval){p, k == 0 ? 0 : middle - half, k == n ? 1 : middle + half};
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct interval stats_bootstrap(const double *x, size_t n, double confidence, int rounds,
                                uint64_t seed)
{
    struct interval result = {(double)NAN, 0, 1};
    struct rng rng = rng_new(seed, stream_bootstrap);
    double *means, sum = 0;
    if (n == 0)
        return result;
    means = mem_alloc((size_t)rounds * sizeof *means);
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    for (int r = 0; r < rounds; r++) {
        double total = 0;
        for (size_t i = 0; i < n; i++)
            total += x[rng_below(&rng, (uint32_t)n)];
        means[r] = total / (double)n;
    }
    qsort(means, (size_t)rounds, sizeof *means, ascending);
    result.value = sum / (double)n;
    result.low = means[(int)((1 - confidence) / 2 * (rounds - 1))];
    result.high = means[(int)ceil((1 + confidence) / 2 * (rounds - 1))];
    mem_free(means);
    return result;
}

double stats_mcnemar(uint64_t a, uint64_t b)
{
    uint64_t n = a + b, least = a < b ? a : b;
    double tail = 0;
    for (uint64_t k = 0; k <= least; k++)
        tail += exp(lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) -
                    (double)n * log(2.0));
    return n == 0 || 2 * tail > 1 ? 1 : 2 * tail;
}

double stats_signflip(const double *d, size_t n, int rounds, uint64_t seed)
{
    struct rng rng = rng_new(seed, stream_signs);
    double sum = 0;
    int hits = 0;
    for (size_t i = 0; i < n; i++)
        sum += d[i];
    for (int r = 0; r < rounds; r++) {
        double total = 0;
        uint64_t bits = 0;
        for (size_t i = 0; i < n; i++) {
            if (i % 64 == 0)
                bits = rng_u64(&rng);
            total += (bits >> (i % 64) & 1) != 0 ? d[i] : -d[i];
        }
        hits += fabs(total) >= fabs(sum) - 1e-12;
    }
    return (double)(hits + 1) / (double)(rounds + 1);
}
