/* Reference: attention over segments and over cached keys and values, one query at a time. */
#include "model/reference/reference.h"

#include "core/mem.h"
#include "model/half.h"

#include <math.h>

/* One query row and head among the keys it may see. */
struct query {
    const struct attention *a;
    int64_t row, head, kv, first, end; /* keys [first, end) */
};

typedef void visit(const struct query *q);

static void each_query(const struct attention *a, visit *fn)
{
    for (int32_t s = 0; s < a->segments; s++) {
        const int64_t from = reference_index(a->starts, s), to = reference_index(a->starts, s + 1);
        for (int64_t row = from; row < to; row++) {
            for (int64_t head = 0; head < a->heads; head++) {
                struct query q = {a, row, head, head / (a->heads / a->kv_heads), from, to};
                if (a->causal)
                    q.end = row + 1;
                if (a->window > 0 && row + 1 - a->window > q.first)
                    q.first = row + 1 - a->window;
                fn(&q);
            }
        }
    }
}

/* One head of one row. */
struct vector {
    struct tensor t;
    int64_t row, head;
};

/* As a product has its operands. */
static double operand(double x, bool half)
{
    return half ? (double)half_from_bf16(half_to_bf16((float)x)) : x;
}

static double dot(struct vector x, struct vector y, int64_t dim, bool half)
{
    double sum = 0;
    for (int64_t i = 0; i < dim; i++)
        sum += operand(reference_get(x.t, x.row, x.head * dim + i), half) *
               operand(reference_get(y.t, y.row, y.head * dim + i), half);
    return sum;
}

static double score(const struct query *q, int64_t key)
{
    const struct attention *a = q->a;
    return a->scale * dot((struct vector){a->q, q->row, q->head}, (struct vector){a->k, key, q->kv},
                          a->dim, a->half);
}

static void add_to(struct tensor t, int64_t row, int64_t col, double x)
{
    reference_set(t, row, col, reference_get(t, row, col) + x);
}

static void forward_query(const struct query *q)
{
    const struct attention *a = q->a;
    const int64_t dim = a->dim;
    double top = (double)-INFINITY, sum = 0;
    for (int64_t j = q->first; j < q->end; j++)
        top = fmax(top, score(q, j));
    for (int64_t i = 0; i < dim; i++)
        reference_set(a->out, q->row, q->head * dim + i, 0);
    for (int64_t j = q->first; j < q->end; j++)
        sum += exp(score(q, j) - top);
    for (int64_t j = q->first; j < q->end; j++) {
        const double p = operand(exp(score(q, j) - top), a->half) / sum;
        for (int64_t i = 0; i < dim; i++)
            add_to(a->out, q->row, q->head * dim + i,
                   p * operand(reference_get(a->v, j, q->kv * dim + i), a->half));
    }
    reference_set(a->lse, q->row, q->head, top + log(sum));
}

void reference_attention(struct backend *b, const struct attention *a)
{
    (void)b;
    each_query(a, forward_query);
}

/* Key j's weight, and the loss's gradient in it. */
static double weight(const struct query *q, int64_t j)
{
    return exp(score(q, j) - reference_get(q->a->lse, q->row, q->head));
}

static double slope(const struct query *q, int64_t j)
{
    const struct attention *a = q->a;
    return dot((struct vector){a->dout, q->row, q->head}, (struct vector){a->v, j, q->kv}, a->dim,
               a->half);
}

/* p = exp(s - lse);  dv += p dout;  ds = p (d - sum p d), d = dout.v;  dq += ds k;  dk += ds q. */
static void backward_query(const struct query *q)
{
    const struct attention *a = q->a;
    const int64_t dim = a->dim;
    double total = 0;
    for (int64_t j = q->first; j < q->end; j++)
        total += weight(q, j) * slope(q, j);
    for (int64_t j = q->first; j < q->end; j++) {
        const double p = operand(weight(q, j), a->half);
        const double ds = operand(a->scale * weight(q, j) * (slope(q, j) - total), a->half);
        for (int64_t i = 0; i < dim; i++) {
            const int64_t at = q->head * dim + i, from = q->kv * dim + i;
            add_to(a->dq, q->row, at, ds * operand(reference_get(a->k, j, from), a->half));
            add_to(a->dk, j, from, ds * operand(reference_get(a->q, q->row, at), a->half));
            add_to(a->dv, j, from, p * operand(reference_get(a->dout, q->row, at), a->half));
        }
    }
}

void reference_attention_back(struct backend *b, const struct attention *a)
{
    reference_zero(b, a->dq);
    reference_zero(b, a->dk);
    reference_zero(b, a->dv);
    each_query(a, backward_query);
}

/* The row of the cache of position 0 of a query's slot and key/value head. */
static int64_t cached_base(const struct attention_cached *a, int64_t row, int64_t kv)
{
    return reference_index(a->slots, row) * a->slot_rows + kv * a->head_rows;
}

/* The pass's own keys and values join the cache. */
static void cached_join(const struct attention_cached *a)
{
    for (int64_t row = 0; row < a->q.rows; row++) {
        for (int64_t i = 0; i < (int64_t)a->kv_heads * a->dim; i++) {
            const int64_t to = cached_base(a, row, i / a->dim) + reference_index(a->positions, row);
            reference_set(a->keys, to, i % a->dim, reference_get(a->k, row, i));
            reference_set(a->values, to, i % a->dim, reference_get(a->v, row, i));
        }
    }
}

/* One head of one query over rows [first, end) of the cache; p has room for all of them. */
static void cached_query(const struct attention_cached *a, const struct vector *q, int64_t first,
                         int64_t end, double *p)
{
    double top = (double)-INFINITY, sum = 0;
    for (int64_t j = first; j < end; j++) {
        p[j - first] = a->scale * dot(*q, (struct vector){a->keys, j, 0}, a->dim, false);
        top = fmax(top, p[j - first]);
    }
    for (int64_t j = first; j < end; j++)
        sum += p[j - first] = exp(p[j - first] - top);
    for (int64_t i = 0; i < a->dim; i++) {
        double value = 0;
        for (int64_t j = first; j < end; j++)
            value += p[j - first] / sum * reference_get(a->values, j, i);
        reference_set(a->out, q->row, q->head * a->dim + i, value);
    }
}

void reference_attention_cached(struct backend *b, const struct attention_cached *a)
{
    double *p = mem_alloc((size_t)a->head_rows * sizeof *p);
    (void)b;
    cached_join(a);
    for (int64_t row = 0; row < a->q.rows; row++) {
        const int64_t at = reference_index(a->positions, row);
        const int64_t first = a->window > 0 && at + 1 > a->window ? at + 1 - a->window : 0;
        for (int64_t head = 0; head < a->heads; head++) {
            const int64_t base = cached_base(a, row, head / (a->heads / a->kv_heads));
            cached_query(a, &(struct vector){a->q, row, head}, base + first, base + at + 1, p);
        }
    }
    mem_free(p);
}
