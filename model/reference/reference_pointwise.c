/* Reference: norms, rotary positions, activations, dropout, cross-entropy. */
#include "model/reference/reference.h"

#include "core/rng.h"

#include <math.h>

/* Mean and 1/sqrt(variance + eps) of a row; RMS leaves the mean out. */
static void row_stats(enum norm_kind kind, struct tensor x, int64_t row, double epsilon,
                      double stats[2])
{
    const double n = (double)x.cols;
    double mean = 0, square = 0;
    for (int64_t j = 0; j < x.cols && kind == NORM_LAYER; j++)
        mean += reference_get(x, row, j) / n;
    for (int64_t j = 0; j < x.cols; j++) {
        const double d = reference_get(x, row, j) - mean;
        square += d * d / n;
    }
    stats[0] = mean;
    stats[1] = 1 / sqrt(square + epsilon);
}

void reference_norm(struct backend *b, const struct norm *p)
{
    (void)b;
    for (int64_t i = 0; i < p->x.rows; i++) {
        double s[2];
        row_stats(p->kind, p->x, i, p->epsilon, s);
        reference_set(p->stats, i, 0, s[0]);
        reference_set(p->stats, i, 1, s[1]);
        for (int64_t j = 0; j < p->x.cols; j++) {
            const double shift = tensor_present(p->bias) ? reference_get(p->bias, 0, j) : 0;
            const double w = reference_get(p->weight, 0, j);
            reference_set(p->y, i, j, (reference_get(p->x, i, j) - s[0]) * s[1] * w + shift);
        }
    }
}

static void add_to(struct tensor t, int64_t row, int64_t col, double x)
{
    if (tensor_present(t))
        reference_set(t, row, col, reference_get(t, row, col) + x);
}

/* With n = (x - mean) * r and g = dy * w:  dx = r * (g - mean(g) - n * mean(g n)), where
 * mean(g) is left out for RMS. */
void reference_norm_back(struct backend *b, const struct norm *p)
{
    const double width = (double)p->x.cols;
    (void)b;
    for (int64_t i = 0; i < p->x.rows; i++) {
        const double mean = reference_get(p->stats, i, 0), r = reference_get(p->stats, i, 1);
        double mean_g = 0, mean_gn = 0;
        for (int64_t j = 0; j < p->x.cols; j++) {
            const double n = (reference_get(p->x, i, j) - mean) * r;
            const double g = reference_get(p->dy, i, j) * reference_get(p->weight, 0, j);
            mean_g += p->kind == NORM_LAYER ? g / width : 0;
            mean_gn += g * n / width;
        }
        for (int64_t j = 0; j < p->x.cols; j++) {
            const double n = (reference_get(p->x, i, j) - mean) * r;
            const double g = reference_get(p->dy, i, j) * reference_get(p->weight, 0, j);
            add_to(p->dx, i, j, r * (g - mean_g - n * mean_gn));
            add_to(p->dweight, 0, j, reference_get(p->dy, i, j) * n);
            add_to(p->dbias, 0, j, reference_get(p->dy, i, j));
        }
    }
}

void reference_rope(struct backend *b, struct tensor x, struct tensor table,
                    struct tensor positions, int32_t dim, int direction)
{
    const int64_t half = dim / 2;
    (void)b;
    for (int64_t i = 0; i < x.rows; i++) {
        const int64_t at = reference_index(positions, i);
        for (int64_t j = 0; j < x.cols; j++) {
            const int64_t k = j % dim;
            double c, s, low, high;
            if (k >= half)
                continue;
            c = reference_get(table, at, k);
            s = direction * reference_get(table, at, half + k);
            low = reference_get(x, i, j);
            high = reference_get(x, i, j + half);
            reference_set(x, i, j, low * c - high * s);
            reference_set(x, i, j + half, high * c + low * s);
        }
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

void reference_swiglu(struct backend *b, struct tensor y, struct tensor gate_up)
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++) {
        for (int64_t j = 0; j < y.cols; j++) {
            const double gate = reference_get(gate_up, i, j);
            reference_set(y, i, j, gate * sigmoid(gate) * reference_get(gate_up, i, y.cols + j));
        }
    }
}

void reference_swiglu_back(struct backend *b, struct tensor gate_up, struct tensor y,
                           struct tensor dy)
{
    const int64_t width = dy.cols;
    (void)b;
    for (int64_t i = 0; i < dy.rows; i++) {
        for (int64_t j = 0; j < width; j++) {
            const double gate = reference_get(gate_up, i, j), s = sigmoid(gate);
            const double up = reference_get(gate_up, i, width + j);
            const double d = reference_get(dy, i, j);
            if (tensor_present(y))
                reference_set(y, i, j, gate * s * up);
            reference_set(gate_up, i, j, d * up * s * (1 + gate * (1 - s)));
            reference_set(gate_up, i, width + j, d * gate * s);
        }
    }
}

/* sqrt(2/pi) and 1/sqrt(2), sqrt(1/(2 pi)). */
static const double TANH_SCALE = 0.79788456080286535588, TANH_CUBE = 0.044715;
static const double SQRT_HALF = 0.70710678118654752440, GAUSS = 0.39894228040143267794;

static double gelu(enum gelu_kind kind, double x)
{
    if (kind == GELU_ERF)
        return 0.5 * x * (1 + erf(x * SQRT_HALF));
    return 0.5 * x * (1 + tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x)));
}

static double gelu_slope(enum gelu_kind kind, double x)
{
    double t;
    if (kind == GELU_ERF)
        return 0.5 * (1 + erf(x * SQRT_HALF)) + x * GAUSS * exp(-0.5 * x * x);
    t = tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * TANH_SCALE * (1 + 3 * TANH_CUBE * x * x);
}

void reference_gelu(struct backend *b, enum gelu_kind kind, struct tensor y, struct tensor x)
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.cols; j++)
            reference_set(y, i, j, gelu(kind, reference_get(x, i, j)));
}

void reference_gelu_back(struct backend *b, enum gelu_kind kind, struct tensor x, struct tensor y,
                         struct tensor dy)
{
    (void)b;
    for (int64_t i = 0; i < x.rows; i++) {
        for (int64_t j = 0; j < x.cols; j++) {
            const double at = reference_get(x, i, j), d = reference_get(dy, i, j);
            if (tensor_present(y))
                reference_set(y, i, j, gelu(kind, at));
            reference_set(x, i, j, d * gelu_slope(kind, at));
        }
    }
}

/* Uniform in [0, 1) by the element's place in the tensor. */
static double uniform_at(const uint64_t seed_stream[2], int64_t index)
{
    const uint64_t word = rng_at(seed_stream[0], seed_stream[1], (uint64_t)index / 2);
    return (double)(index % 2 != 0 ? word >> 32 : word & 0xFFFFFFFFu) * 0x1p-32;
}

void reference_dropout(struct backend *b, struct tensor y, struct tensor x, double p,
                       const uint64_t seed_stream[2])
{
    (void)b;
    for (int64_t i = 0; i < x.rows; i++) {
        for (int64_t j = 0; j < x.cols; j++) {
            const bool kept = uniform_at(seed_stream, i * x.cols + j) >= p;
            reference_set(y, i, j, kept ? reference_get(x, i, j) / (1 - p) : 0);
        }
    }
}

void reference_noise(struct backend *b, struct tensor y, double magnitude,
                     const uint64_t seed_stream[2])
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.cols; j++)
            add_to(y, i, j, magnitude * (2 * uniform_at(seed_stream, i * y.cols + j) - 1));
}

void reference_cross_entropy(struct backend *b, struct tensor logits, struct tensor nll,
                             struct tensor targets, struct tensor weights, bool gradient)
{
    (void)b;
    for (int64_t i = 0; i < logits.rows; i++) {
        const int64_t target = reference_index(targets, i);
        const double weight = tensor_present(weights) ? reference_get(weights, 0, i) : 1;
        double top = (double)-INFINITY, sum = 0, log_sum;
        for (int64_t j = 0; j < logits.cols; j++)
            top = fmax(top, reference_get(logits, i, j));
        for (int64_t j = 0; j < logits.cols; j++)
            sum += exp(reference_get(logits, i, j) - top);
        log_sum = top + log(sum);
        reference_set(nll, 0, i, weight * (log_sum - reference_get(logits, i, target)));
        for (int64_t j = 0; j < logits.cols && gradient; j++) {
            const double p = exp(reference_get(logits, i, j) - log_sum);
            reference_set(logits, i, j, weight * (p - (j == target ? 1 : 0)));
        }
    }
}

void reference_activate(struct backend *b, enum activation_kind kind, struct tensor y)
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++) {
        for (int64_t j = 0; j < y.cols; j++) {
            const double x = reference_get(y, i, j);
            reference_set(y, i, j, kind == ACTIVATION_TANH ? tanh(x) : x > 0 ? x : 0);
        }
    }
}

void reference_activate_back(struct backend *b, enum activation_kind kind, struct tensor dy,
                             struct tensor y)
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++) {
        for (int64_t j = 0; j < y.cols; j++) {
            const double x = reference_get(y, i, j);
            const double slope = kind == ACTIVATION_TANH ? 1 - x * x : x > 0 ? 1 : 0;
            reference_set(dy, i, j, slope * reference_get(dy, i, j));
        }
    }
}
