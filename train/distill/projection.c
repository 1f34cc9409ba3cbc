#include "train/distill/projection.h"

#include <math.h>

size_t projection_size(const struct projection *p)
{
    return p->out * p->in + p->out;
}

void projection_forward(const struct projection *p, const double *w, const double *x, size_t n,
                        double *y)
{
    const double *bias = w + p->out * p->in;
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < p->out; o++) {
            double sum = bias[o];
            for (size_t k = 0; k < p->in; k++)
                sum += x[i * p->in + k] * w[o * p->in + k];
            y[i * p->out + o] = p->activation == MATCH_RELU   ? fmax(sum, 0)
                                : p->activation == MATCH_TANH ? tanh(sum)
                                                              : sum;
        }
}

/* The activation's derivative, from its value. */
static double slope(enum match_activation activation, double y)
{
    if (activation == MATCH_RELU)
        return y > 0 ? 1 : 0;
    return activation == MATCH_TANH ? 1 - y * y : 1;
}

void projection_backward(const struct projection *p, const double *w,
                         const struct projection_grad *g, size_t n)
{
    double *dbias = g->dw + p->out * p->in;
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < p->out; o++) {
            const double d = g->dy[i * p->out + o] *= slope(p->activation, g->y[i * p->out + o]);
            if (d == 0)
                continue;
            dbias[o] += d;
            for (size_t k = 0; k < p->in; k++) {
                g->dw[o * p->in + k] += d * g->x[i * p->in + k];
                g->dx[i * p->in + k] += d * w[o * p->in + k];
            }
        }
}
