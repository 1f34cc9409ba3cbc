/* Reference: matrix products, sums, rows by index, AdamW. */
#include "model/reference/reference.h"

#include "core/mem.h"
#include "model/half.h"
#include "model/int8.h"

#include <assert.h>
#include <math.h>

/* op(t) as plain doubles, row after row; rounded to BF16 where asked. */
static double *unfolded(struct tensor t, bool transposed, bool half)
{
    double *x = mem_alloc((size_t)tensor_count(t) * sizeof *x);
    for (int64_t i = 0; i < t.rows; i++) {
        for (int64_t j = 0; j < t.cols; j++) {
            double *to = &x[transposed ? j * t.rows + i : i * t.cols + j];
            *to = reference_get(t, i, j);
            if (half)
                *to = (double)half_from_bf16(half_to_bf16((float)*to));
        }
    }
    return x;
}

/* A row of t rounded to 8 bits and back. */
static void round_row(struct tensor t, int64_t row, double *x)
{
    const int64_t n = t.cols;
    float *single = mem_alloc((size_t)n * sizeof *single);
    int8_t *q = mem_alloc((size_t)n);
    double scale;
    for (int64_t i = 0; i < n; i++)
        single[i] = (float)reference_get(t, row, i);
    scale = (double)int8_round(q, single, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        x[i] = scale * q[i];
    mem_free(single);
    mem_free(q);
}

/* What a product with an I8 matrix is by definition (model/int8.h): both sides are rounded. */
static double *rounded(const struct matmul *p)
{
    double *x = unfolded(p->a, p->ta, p->half);
    for (int64_t i = 0; p->b.type == DTYPE_I8 && p->tb && i < p->a.rows; i++)
        round_row(p->a, i, x + i * p->a.cols);
    return x;
}

void reference_matmul(struct backend *b, const struct matmul *p)
{
    const struct tensor c = p->c;
    const int64_t inner = p->ta ? p->a.rows : p->a.cols;
    double *left = rounded(p), *right = unfolded(p->b, !p->tb, p->half);
    (void)b;
    assert((p->ta ? p->a.cols : p->a.rows) == c.rows);
    assert((p->tb ? p->b.rows : p->b.cols) == c.cols);
    assert((p->tb ? p->b.cols : p->b.rows) == inner);
    for (int64_t i = 0; i < c.rows; i++) {
        for (int64_t j = 0; j < c.cols; j++) {
            const double old = p->beta != 0 ? p->beta * reference_get(c, i, j) : 0;
            double sum = 0;
            for (int64_t k = 0; k < inner; k++)
                sum += left[i * inner + k] * right[j * inner + k];
            reference_set(c, i, j, p->alpha * sum + old);
        }
    }
    mem_free(left);
    mem_free(right);
}

void reference_add(struct backend *b, struct tensor y, struct tensor x)
{
    (void)b;
    assert(y.rows == x.rows && y.cols == x.cols);
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.cols; j++)
            reference_set(y, i, j, reference_get(y, i, j) + reference_get(x, i, j));
}

static void round_into(struct tensor y, int64_t row, struct tensor x)
{
    float *single = mem_alloc((size_t)x.cols * sizeof *single);
    for (int64_t i = 0; i < x.cols; i++)
        single[i] = (float)reference_get(x, row, i);
    int8_set_row(y, row, single);
    mem_free(single);
}

void reference_copy(struct backend *b, struct tensor y, struct tensor x)
{
    (void)b;
    assert(y.rows == x.rows && y.cols == x.cols);
    for (int64_t i = 0; i < y.rows && y.type == DTYPE_I8; i++)
        round_into(y, i, x);
    for (int64_t i = 0; i < y.rows && y.type != DTYPE_I8; i++)
        for (int64_t j = 0; j < y.cols; j++)
            reference_set(y, i, j, reference_get(x, i, j));
}

void reference_multiply(struct backend *b, struct tensor y, struct tensor x)
{
    (void)b;
    assert(y.rows == x.rows && y.cols == x.cols);
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.cols; j++)
            reference_set(y, i, j, reference_get(y, i, j) * reference_get(x, i, j));
}

void reference_zero(struct backend *b, struct tensor y)
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.cols; j++)
            reference_set(y, i, j, 0);
}

void reference_scale(struct backend *b, struct tensor y, double factor)
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.cols; j++)
            reference_set(y, i, j, factor * reference_get(y, i, j));
}

void reference_add_bias(struct backend *b, struct tensor y, struct tensor bias)
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.cols; j++)
            reference_set(y, i, j, reference_get(y, i, j) + reference_get(bias, 0, j));
}

void reference_bias_back(struct backend *b, struct tensor dbias, struct tensor dy)
{
    (void)b;
    for (int64_t j = 0; j < dy.cols; j++) {
        double sum = reference_get(dbias, 0, j);
        for (int64_t i = 0; i < dy.rows; i++)
            sum += reference_get(dy, i, j);
        reference_set(dbias, 0, j, sum);
    }
}

double reference_sum_squares(struct backend *b, struct tensor x)
{
    double sum = 0;
    (void)b;
    for (int64_t i = 0; i < x.rows; i++)
        for (int64_t j = 0; j < x.cols; j++)
            sum += reference_get(x, i, j) * reference_get(x, i, j);
    return sum;
}

void reference_gather(struct backend *b, struct tensor y, struct tensor table, struct tensor rows)
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.cols; j++)
            reference_set(y, i, j, reference_get(table, reference_index(rows, i), j));
}

void reference_scatter(struct backend *b, struct tensor table, struct tensor x, struct tensor rows,
                       bool accumulate)
{
    (void)b;
    for (int64_t i = 0; i < x.rows; i++) {
        const int64_t row = reference_index(rows, i);
        for (int64_t j = 0; j < x.cols; j++) {
            const double old = accumulate ? reference_get(table, row, j) : 0;
            reference_set(table, row, j, old + reference_get(x, i, j));
        }
    }
}

void reference_adamw(struct backend *b, struct tensor p, struct tensor g, struct tensor m,
                     struct tensor v, const struct adamw *how)
{
    const double first = 1 - pow(how->beta1, (double)how->step);
    const double second = 1 - pow(how->beta2, (double)how->step);
    (void)b;
    for (int64_t i = 0; i < p.cols; i++) {
        const double slope = how->grad_scale * reference_get(g, 0, i);
        const double decay = i < how->decayed ? 1 - how->rate * how->decay : 1;
        const double mean = how->beta1 * reference_get(m, 0, i) + (1 - how->beta1) * slope;
        const double square =
            how->beta2 * reference_get(v, 0, i) + (1 - how->beta2) * slope * slope;
        const double move = how->rate * (mean / first) / (sqrt(square / second) + how->epsilon);
        reference_set(m, 0, i, mean);
        reference_set(v, 0, i, square);
        reference_set(p, 0, i, decay * reference_get(p, 0, i) - move);
    }
}
