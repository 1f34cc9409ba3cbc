#include "model/rope.h"

#include <math.h>

static const double TWO_PI = 6.283185307179586476925;

/* Llama 3: long waves are divided by the factor, short ones stay, between them a ramp. */
static float llama3(const struct rope_config *r, float frequency)
{
    const double wave = TWO_PI / (double)frequency, context = r->original_positions;
    double smooth;
    if (wave < context / r->high_freq)
        return frequency;
    if (wave > context / r->low_freq)
        return (float)((double)frequency / r->factor);
    smooth = (context / wave - r->low_freq) / (r->high_freq - r->low_freq);
    return (float)((1 - smooth) * (double)frequency / r->factor + smooth * (double)frequency);
}

/* YaRN (Peng et al. 2023): the dimension that turns so often within the original context. */
static double yarn_dimension(const struct rope_config *r, int32_t dim, double turns)
{
    return dim * log(r->original_positions / (turns * TWO_PI)) / (2 * log(r->theta));
}

static float yarn(const struct rope_config *r, int32_t dim, int32_t i, float frequency)
{
    const double low = fmax(floor(yarn_dimension(r, dim, r->beta_fast)), 0);
    double high = fmin(ceil(yarn_dimension(r, dim, r->beta_slow)), dim - 1);
    double ramp;
    if (low == high)
        high += 0.001;
    ramp = fmin(fmax((i - low) / (high - low), 0), 1);
    return (float)((double)frequency / r->factor * ramp + (double)frequency * (1 - ramp));
}

static float frequency_of(const struct rope_config *r, int32_t dim, int32_t i)
{
    const float frequency = (float)(1 / pow(r->theta, (double)(2 * i) / dim));
    switch (r->kind) {
    case ROPE_LINEAR: return (float)((double)frequency / r->factor);
    case ROPE_LLAMA3: return llama3(r, frequency);
    case ROPE_YARN: return yarn(r, dim, i, frequency);
    case ROPE_DEFAULT: break;
    }
    return frequency;
}

void rope_table(const struct rope_config *r, int32_t dim, int32_t n, float *table)
{
    const int32_t half = dim / 2;
    for (int32_t i = 0; i < half; i++) {
        const float frequency = frequency_of(r, dim, i);
        for (int32_t p = 0; p < n; p++) {
            const double angle = (double)((float)p * frequency);
            table[(int64_t)p * dim + i] = (float)(cos(angle) * r->attention_factor);
            table[(int64_t)p * dim + half + i] = (float)(sin(angle) * r->attention_factor);
        }
    }
}

void rope_factors(const struct rope_config *r, int32_t dim, float *factors)
{
    for (int32_t i = 0; i < dim / 2; i++)
        factors[i] =
            (float)(1 / pow(r->theta, (double)(2 * i) / dim) / (double)frequency_of(r, dim, i));
}
