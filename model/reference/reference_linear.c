/* Reference: matrix products, sums, rows by index, AdamW. */
#include "model/reference/reference.h"

#include "core/mem.h"

#include <assert.h>
#include <math.h>

/* op(t) as plain doubles, row after row. */
static double *unfolded(struct tensor t, bool transposed)
{
    double *x = mem_alloc((size_t)tensor_count(t) * sizeof *x);
    for (int64_t i = 0; i < t.rows; i++)
        for (int64_t j = 0; j < t.cols; j++)
            x[transposed ? j * t.rows + i : i * t.cols + j] = reference_get(t, i, j);
    return x;
}

void reference_matmul(struct backend *b, const struct matmul *p)
{
    const struct tensor c = p->c;
    const int64_t inner = p->ta ? p->a.rows : p->a.cols;
    double *left = unfolded(p->a, p->ta), *right = unfolded(p->b, !p->tb);
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

void reference_copy(struct backend *b, struct tensor y, struct tensor x)
{
    (void)b;
    assert(y.rows == x.rows && y.cols == x.cols);
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.cols; j++)
            reference_set(y, i, j, reference_get(x, i, j));
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
