/*
 * exp and log of doubles; included by kernels_body.h.
 *
 *     exp x = 2^n exp r,  n the nearest integer to x / log 2, |r| <= log 2 / 2: Taylor to r^13
 *     log x = n log 2 + log m,  m in [sqrt 1/2, sqrt 2), f = (m-1)/(m+1): 2 (f + f^3/3 + ...)
 */
#ifndef MODEL_KERNELS_DOUBLE_H
#define MODEL_KERNELS_DOUBLE_H

enum { WIDE = LANES / 2 };

typedef double doubles __attribute__((vector_size(WIDE * sizeof(double))));
typedef int64_t integers __attribute__((vector_size(WIDE * sizeof(int64_t))));

#define LOG2_HIGH 0x1.62e42fefa3800p-1 /* log 2 = high + low; n times high is exact */
#define LOG2_LOW  0x1.ef35793c76730p-45

ALWAYS void exp_wide(doubles *y, const doubles *x)
{
    /* Adding this rounds to an integer and leaves it in the low bits. */
    const double magic = 0x1.8p52;
    static const double c[] = {1.0 / 6227020800.0,
                               1.0 / 479001600.0,
                               1.0 / 39916800.0,
                               1.0 / 3628800.0,
                               1.0 / 362880.0,
                               1.0 / 40320.0,
                               1.0 / 5040.0,
                               1.0 / 720.0,
                               1.0 / 120.0,
                               1.0 / 24.0,
                               1.0 / 6.0,
                               0.5,
                               1.0,
                               1.0};
    const integers low = *x<-700.0, high = *x> 700.0;
    doubles t, n, r, p, v = *x;
    integers bits;
    v = (doubles)(((integers)v & ~low) | ((integers)(v * 0 - 700.0) & low));
    v = (doubles)(((integers)v & ~high) | ((integers)(v * 0 + 700.0) & high));
    t = v * 0x1.71547652b82fep0 + magic;
    n = t - magic;
    r = v - n * LOG2_HIGH;
    r -= n * LOG2_LOW;
    p = r * 0 + c[0];
    for (size_t i = 1; i < sizeof c / sizeof *c; i++)
        p = p * r + c[i];
    bits = (integers)t << 52;
    *y = (doubles)((integers)p + bits);
}

ALWAYS void log_wide(doubles *y, const doubles *x)
{
    const integers bits = (integers)*x;
    /* The exponent that brings m into [sqrt 1/2, sqrt 2). */
    const integers e = (bits - 0x3FE6A09E667F3BCD) >> 52;
    const doubles m = (doubles)(bits - (e << 52));
    const doubles f = (m - 1) / (m + 1), s = f * f;
    const double magic = 0x1.8p52;
    const integers as_double = e + 0x4338000000000000; /* e + magic, as the bits of a double */
    const doubles n = (doubles)as_double - magic;
    doubles p = s * 0 + 1.0 / 19;
    for (int k = 17; k >= 1; k -= 2)
        p = p * s + 1.0 / k;
    *y = n * LOG2_HIGH + (n * LOG2_LOW + 2 * f * p);
}

/* y[i .. i + m) = f(x[i .. i + m)), m at most WIDE; `rest` is what lanes behind the end hold. */
#define EACH_WIDE(f, rest)                                                                         \
    doubles u, v;                                                                                  \
    size_t i = 0;                                                                                  \
    for (; i + WIDE <= n; i += WIDE) {                                                             \
        memcpy(&u, x + i, sizeof u);                                                               \
        f(&v, &u);                                                                                 \
        memcpy(y + i, &v, sizeof v);                                                               \
    }                                                                                              \
    if (i < n) {                                                                                   \
        memset(&u, 0, sizeof u);                                                                   \
        u += rest;                                                                                 \
        memcpy(&u, x + i, (n - i) * sizeof *x);                                                    \
        f(&v, &u);                                                                                 \
        memcpy(y + i, &v, (n - i) * sizeof *y);                                                    \
    }

static void exp_doubles(double *y, const double *x, size_t n)
{
    EACH_WIDE(exp_wide, 0)
}

static void log_doubles(double *y, const double *x, size_t n)
{
    EACH_WIDE(log_wide, 1)
}

static void log_soft(double *y, const float *x, double factor, double shift, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double v = factor * (double)x[i] - shift;
        y[i] = v > -690 ? v : -690;
    }
}

static void soft_slope(float *y, const double *h, const double *q, const double how[3], size_t n)
{
    const double chain = how[0], total = how[1], hard = how[2];
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(chain * (h[i] - q[i] * total) + hard * q[i]);
}

#endif
