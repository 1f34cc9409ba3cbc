/*
 * The inner loops of the cpu backend, compiled once for each instruction set and chosen when the
 * backend opens.  Everything works on contiguous runs of floats in one thread; cutting the work
 * is the backend's part.
 */
#ifndef MODEL_KERNELS_H
#define MODEL_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_adamw {
    float decay;                      /* 1 - rate * decay */
    float beta1, beta2, rest1, rest2; /* rest: 1 - beta, which floats would get wrong */
    float scale;                      /* of the gradient */
    float rate, first, second;        /* rate; 1/(1-beta1^t), 1/(1-beta2^t) */
    float epsilon;
};

struct kernel_few {
    const float *x;
    const void *w;
    float *y;
    size_t rows, k, ldx, ldw, ldy;
    float alpha, beta;
};

struct kernels {
    const char *name;
    bool (*usable)(void);

    void (*add)(float *y, const float *x, size_t n);
    void (*scale)(float *y, float factor, size_t n);
    double (*sum_squares)(const float *x, size_t n);
    float (*dot)(const float *x, const float *y, size_t n);
    void (*axpy)(float *y, float factor, const float *x, size_t n); /* y += factor x */

    /* One row.  stats: mean, 1/deviation.  bias may be NULL. */
    void (*rms_norm)(float *y, float *stats, const float *x, const float *w, size_t n, float eps);
    void (*layer_norm)(float *y, float *stats, const float *x, const float *w, const float *bias,
                       size_t n, float eps);
    /* dx += gradient of one row; `centred` for layer norm. */
    void (*norm_back)(float *dx, const float *dy, const float *x, const float *stats,
                      const float *w, size_t n, bool centred);
    /* dw += dy * (x - mean) * r and db += dy (NULL: not wanted), one row. */
    void (*norm_weight_back)(float *dw, float *db, const float *dy, const float *x,
                             const float *stats, size_t n);

    /* One head: x [dim] rotated by cs = cos[dim/2], sin[dim/2]. */
    void (*rope)(float *x, const float *cs, size_t dim, float direction);

    void (*swiglu)(float *y, const float *gate, const float *up, size_t n);
    /* gate and up become their gradients; y (NULL: not wanted) the forward value. */
    void (*swiglu_back)(float *gate, float *up, float *y, const float *dy, size_t n);
    void (*gelu_tanh)(float *y, const float *x, size_t n);
    void (*gelu_tanh_back)(float *x, float *y, const float *dy, size_t n);

    float (*max)(const float *x, size_t n);
    /* x = exp(factor * x - shift); returns the sum. */
    float (*exp_sum)(float *x, float factor, float shift, size_t n);
    /* p = p * (dp - shift) * factor, for the gradient of softmax. */
    void (*softmax_back)(float *p, const float *dp, float shift, float factor, size_t n);

    /* Elementwise in double, to 1e-13 relative; exp of less than -700 is exp(-700).  y may be x. */
    void (*exp_doubles)(double *y, const double *x, size_t n);
    void (*log_doubles)(double *y, const double *x, size_t n); /* x > 0 and no denormal */
    /* y = factor * x - shift, at least -690: its exponential is still a number. */
    void (*log_soft)(double *y, const float *x, double factor, double shift, size_t n);
    /* y = how[0] (h - q how[1]) + how[2] q. */
    void (*soft_slope)(float *y, const double *h, const double *q, const double how[3], size_t n);

    void (*adamw)(float *p, const float *g, float *m, float *v, size_t n,
                  const struct kernel_adamw *how);
    void (*from_bf16)(float *y, const uint16_t *x, size_t n);

    /* y [rows, n] (+)= factor * x [rows, k] w [n, k]^T for few rows: each element is one sum in
     * a fixed order, the same bits whatever the other rows and columns. */
    void (*few_rows)(const struct kernel_few *f, size_t first, size_t n);
    void (*few_rows_bf16)(const struct kernel_few *f, size_t first, size_t n);
    /* y [rows, n] = x [rows, k] w [k, n], each element summed along k in order; alpha, beta are
     * not used. */
    void (*weigh_rows)(const struct kernel_few *f, size_t n);
};

extern const struct kernels kernels_generic, kernels_avx2, kernels_avx512;
extern const struct kernels *const kernel_tables[]; /* best last, NULL-ended */

/* The fastest table that may run here. */
const struct kernels *kernels_best(void);

#endif
