/* Attention: [heads, n, n] probabilities or scores. */
#include "core/mem.h"
#include "train/distill/match_kinds.h"

#include <math.h>
#include <string.h>

/* How many columns row i of the matrix has. */
static size_t columns(const struct match_row *r, size_t i)
{
    return r->causal ? i + 1 : r->n;
}

/* out [n, n] = factor * sum over heads. */
static void sum_heads(const double *x, size_t heads, size_t n, double factor, double *out)
{
    memset(out, 0, n * n * sizeof *out);
    for (size_t h = 0; h < heads; h++)
        for (size_t k = 0; k < n * n; k++)
            out[k] += factor * x[h * n * n + k];
}

/* sum w (a - b)^2 of one [n, n]; da (added to) may stand for several heads. */
static double squares(const struct match_row *r, const double *a, const double *b, double *da)
{
    double sum = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j < columns(r, i); j++) {
            const double w = r->mask[i] * r->mask[j], d = a[i * r->n + j] - b[i * r->n + j];
            sum += w * d * d;
            da[i * r->n + j] += 2 * w * d;
        }
    return sum;
}

static double mse_row(const struct match_row *r)
{
    const size_t size = r->n * r->n;
    double sum = 0;
    for (size_t h = 0; h < r->heads; h++)
        sum += squares(r, r->s[0] + h * size, r->t[0] + h * size, r->ds[0] + h * size);
    return sum;
}

/* -sum_i m_i sum_j m_j softmax(b)_ij log softmax(a)_ij; the softmax runs over all columns. */
static double entropies(const struct match_row *r, const double *a, const double *b, double *da)
{
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) {
        const size_t n = columns(r, i), at = i * r->n;
        double top_a = a[at], top_b = b[at], sum_a = 0, sum_b = 0, mass = 0;
        for (size_t j = 1; j < n; j++) {
            top_a = fmax(top_a, a[at + j]);
            top_b = fmax(top_b, b[at + j]);
        }
        for (size_t j = 0; j < n; j++) {
            sum_a += exp(a[at + j] - top_a);
            sum_b += exp(b[at + j] - top_b);
        }
        for (size_t j = 0; j < n; j++) {
            const double p = r->mask[i] * r->mask[j] * exp(b[at + j] - top_b) / sum_b;
            sum -= p * (a[at + j] - top_a - log(sum_a));
            da[at + j] -= p;
            mass += p;
        }
        for (size_t j = 0; j < n; j++)
            da[at + j] += mass * exp(a[at + j] - top_a) / sum_a;
    }
    return sum;
}

static double ce_row(const struct match_row *r)
{
    const size_t size = r->n * r->n;
    double sum = 0;
    for (size_t h = 0; h < r->heads; h++)
        sum += entropies(r, r->s[0] + h * size, r->t[0] + h * size, r->ds[0] + h * size);
    return sum;
}

/* The same of all heads at once: their sums, or their means. */
static double of_heads(const struct match_row *r, bool mean,
                       double (*compare)(const struct match_row *, const double *, const double *,
                                         double *))
{
    const size_t size = r->n * r->n;
    const double fs = mean ? 1 / (double)r->heads : 1, ft = mean ? 1 / (double)r->teacher_heads : 1;
    double *a = mem_zero(3 * size, sizeof *a), *b = a + size, *da = b + size, sum;
    sum_heads(r->s[0], r->heads, r->n, fs, a);
    sum_heads(r->t[0], r->teacher_heads, r->n, ft, b);
    sum = compare(r, a, b, da);
    for (size_t h = 0; h < r->heads; h++)
        for (size_t k = 0; k < size; k++)
            r->ds[0][h * size + k] += fs * da[k];
    mem_free(a);
    return sum;
}

static double mse_sum_row(const struct match_row *r)
{
    return of_heads(r, false, squares);
}

static double ce_mean_row(const struct match_row *r)
{
    return of_heads(r, true, entropies);
}

static double all_squares(const struct match_row *r)
{
    return (double)r->heads * match_length(r) * match_length(r);
}

static double squares_once(const struct match_row *r)
{
    return match_length(r) * match_length(r);
}

static double all_rows(const struct match_row *r)
{
    return (double)r->heads * match_length(r);
}

const struct match_kind match_attention_mse = {.name = "attention_mse",
                                               .feature = MATCH_ATTENTION,
                                               .same_width = true,
                                               .probabilities = true,
                                               .row = mse_row,
                                               .measure = all_squares};
const struct match_kind match_attention_mse_sum = {.name = "attention_mse_sum",
                                                   .feature = MATCH_ATTENTION,
                                                   .probabilities = true,
                                                   .row = mse_sum_row,
                                                   .measure = squares_once};
const struct match_kind match_attention_ce = {.name = "attention_ce",
                                              .feature = MATCH_ATTENTION,
                                              .same_width = true,
                                              .row = ce_row,
                                              .measure = all_rows};
const struct match_kind match_attention_ce_mean = {.name = "attention_ce_mean",
                                                   .feature = MATCH_ATTENTION,
                                                   .row = ce_mean_row,
                                                   .measure = match_length};
