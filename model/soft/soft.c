/* The table of losses, and rows as blocks of doubles. */
#include "model/soft/soft_internal.h"

#include "core/buf.h"
#include "model/kernels/kernels.h"

#include <math.h>
#include <string.h>

const struct soft_loss *const soft_losses[] = {&soft_fkl, &soft_rkl, &soft_sfkl, &soft_srkl,
                                               &soft_jsd, &soft_tvd, &soft_ce,   &soft_mse,
                                               &soft_uld, NULL};

const struct soft_loss *soft_find(const char *name, struct error *error)
{
    struct buf names = BUF_MAX(256);
    for (size_t i = 0; soft_losses[i] != NULL; i++) {
        if (strcmp(soft_losses[i]->name, name) == 0) {
            buf_free(&names);
            return soft_losses[i];
        }
        buf_printf(&names, "%s%s", i == 0 ? "" : ", ", soft_losses[i]->name);
    }
    error_set(error, ERROR_USAGE, "there is no soft-label loss \"%s\"; one of %s", name,
              buf_text(&names));
    buf_free(&names);
    return NULL;
}

void soft_exps(const struct soft_math *m, double *y, const double *x, size_t n)
{
    if (m->k != NULL) {
        m->k->exp_doubles(y, x, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        y[i] = exp(x[i]);
}

void soft_logs(const struct soft_math *m, double *y, const double *x, size_t n)
{
    if (m->k != NULL) {
        m->k->log_doubles(y, x, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        y[i] = log(x[i]);
}

void soft_load(const struct soft_math *m, double *out, const void *row, size_t from, size_t n,
               double factor)
{
    const double *wide = row;
    const float *narrow = row;
    if (m->k != NULL)
        for (size_t i = 0; i < n; i++)
            out[i] = factor * (double)narrow[from + i];
    else
        for (size_t i = 0; i < n; i++)
            out[i] = factor * wide[from + i];
}

void soft_store(const struct soft_math *m, void *row, const double *x, size_t from, size_t n)
{
    double *wide = row;
    float *narrow = row;
    if (m->k != NULL)
        for (size_t i = 0; i < n; i++)
            narrow[from + i] = (float)x[i];
    else
        memcpy(wide + from, x, n * sizeof *x);
}

void soft_log(const struct soft_math *m, double *out, const void *row, size_t from, size_t n,
              const double how[2])
{
    if (m->k != NULL) {
        m->k->log_soft(out, (const float *)row + from, how[0], how[1], n);
        return;
    }
    soft_load(m, out, row, from, n, how[0]);
    for (size_t i = 0; i < n; i++)
        out[i] = fmax(out[i] - how[1], -690);
}

double soft_dot(const double *x, const double *y, size_t n)
{
    double sums[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            sums[k] += y != NULL ? x[i + k] * y[i + k] : x[i + k];
    for (; i < n; i++)
        sums[0] += y != NULL ? x[i] * y[i] : x[i];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
           ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

double soft_get(const struct soft_math *m, const void *row, size_t i)
{
    double x;
    soft_load(m, &x, row, i, 1, 1);
    return x;
}

void soft_put(const struct soft_math *m, void *row, size_t i, double x)
{
    soft_store(m, row, &x, i, 1);
}

double soft_max(const struct soft_math *m, const void *row, size_t n)
{
    const double *wide = row;
    double top = (double)-INFINITY;
    if (m->k != NULL)
        return (double)m->k->max(row, n);
    for (size_t i = 0; i < n; i++)
        top = fmax(top, wide[i]);
    return top;
}

/* sum exp(factor * block - top): in float where rows are, block by block. */
static double block_sum(const struct soft_math *m, const void *row, size_t at, size_t n,
                        const double how[2])
{
    float narrow[SOFT_BLOCK];
    double x[SOFT_BLOCK], sum = 0;
    if (m->k != NULL) {
        memcpy(narrow, (const float *)row + at, n * sizeof *narrow);
        return (double)m->k->exp_sum(narrow, (float)how[0], (float)how[1], n);
    }
    soft_load(m, x, row, at, n, how[0]);
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - how[1]);
    return sum;
}

double soft_lse(const struct soft_math *m, const void *row, size_t n, double factor)
{
    const double top = soft_max(m, row, n);
    /* The shift as a float can hold it: what is added back must be what was taken off. */
    const double shift = m->k != NULL ? (double)(float)(factor * top) : factor * top;
    const double how[2] = {factor, shift};
    double sum = 0;
    for (size_t at = 0; at < n; at += SOFT_BLOCK)
        sum += block_sum(m, row, at, n - at < SOFT_BLOCK ? n - at : SOFT_BLOCK, how);
    return shift + log(sum);
}

double soft_exp_row(const struct soft_math *m, void *row, size_t n, double factor, double shift)
{
    double *wide = row, sum = 0;
    if (m->k != NULL)
        return (double)m->k->exp_sum(row, (float)factor, (float)shift, n);
    for (size_t i = 0; i < n; i++)
        sum += wide[i] = exp(factor * wide[i] - shift);
    return sum;
}

void soft_scale_row(const struct soft_math *m, void *row, size_t n, double factor)
{
    double *wide = row;
    if (m->k != NULL) {
        m->k->scale(row, (float)factor, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        wide[i] *= factor;
}
