/* Between the files of soft/: rows as blocks of doubles. */
#ifndef MODEL_SOFT_INTERNAL_H
#define MODEL_SOFT_INTERNAL_H

#include "model/soft/soft.h"

extern const struct soft_loss soft_ce, soft_fkl, soft_rkl, soft_sfkl, soft_srkl, soft_jsd, soft_tvd,
    soft_mse, soft_uld;

/* Elements [from, from + n) of a row, times factor; and back. */
void soft_load(const struct soft_math *m, double *out, const void *row, size_t from, size_t n,
               double factor);
void soft_store(const struct soft_math *m, void *row, const double *x, size_t from, size_t n);
/* out = factor * row - shift of those elements, at least -690. */
void soft_log(const struct soft_math *m, double *out, const void *row, size_t from, size_t n,
              const double how[2]);
/* sum x y, and sum x where y is NULL: in eight sums side by side. */
double soft_dot(const double *x, const double *y, size_t n);
double soft_get(const struct soft_math *m, const void *row, size_t i);
void soft_put(const struct soft_math *m, void *row, size_t i, double x);
double soft_max(const struct soft_math *m, const void *row, size_t n);
/* log sum exp(factor * row). */
double soft_lse(const struct soft_math *m, const void *row, size_t n, double factor);
/* row = exp(factor * row - shift); returns the sum. */
double soft_exp_row(const struct soft_math *m, void *row, size_t n, double factor, double shift);
void soft_scale_row(const struct soft_math *m, void *row, size_t n, double factor);

/* What a row's loss is made with, once its temperature is known. */
struct soft_plan {
    double temperature;
    double chain; /* soft * (T^2) / T: of the gradient */
    double value; /* soft * (T^2): of the loss */
    double hard;
};

/* soft_top.c: a row with the most likely tokens. */
void soft_top_row(const struct soft_math *m, const struct soft_how *how,
                  const struct soft_plan *plan, struct soft_row *r);
/* The n most likely tokens of a row, most likely first; ties go to the lower id. */
void soft_best(const struct soft_math *m, const void *row, size_t vocab, int32_t *ids, size_t n);

#endif
