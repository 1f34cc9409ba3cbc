/* Reference: attention over segments and over cached keys and values, one query at a time. */
#include "model/reference/reference.h"

#include "core/mem.h"

#include <math.h>

/* One query row and head among the keys it may see. */
struct query {
    const struct attention *a;
    int64_t row, head, kv, first, end; /* keys [first, end) */
};

typedef void visit(const struct query *q, void *context);

static void each_query(const struct attention *a, visit *fn, void *context)
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
                fn(&q, context);
            }
        }
    }
}

static double dot(struct tensor x, int64_t row, int64_t head, struct tensor y, int64_t other,
                  int64_t kv, int64_t dim)
{
    double sum = 0;
    for (int64_t i = 0; i < dim; i++)
        sum += reference_get(x, row, head * dim + i) * reference_get(y, other, kv * dim + i);
    return sum;
}

static void add_to(struct tensor t, int64_t row, int64_t col, double x)
{
    reference_set(t, row, col, reference_get(t, row, col) + x);
}

struct forward {
    struct tensor out, lse;
    const struct tensor *qkv;
};

static void forward_query(const struct query *q, void *context)
{
    const struct forward *f = context;
    const int64_t dim = q->a->dim;
    double top = -INFINITY, sum = 0;
    for (int64_t j = q->first; j < q->end; j++)
        top = fmax(top, q->a->scale * dot(f->qkv[0], q->row, q->head, f->qkv[1], j, q->kv, dim));
    for (int64_t i = 0; i < dim; i++)
        reference_set(f->out, q->row, q->head * dim + i, 0);
    for (int64_t j = q->first; j < q->end; j++)
        sum += exp(q->a->scale * dot(f->qkv[0], q->row, q->head, f->qkv[1], j, q->kv, dim) - top);
    for (int64_t j = q->first; j < q->end; j++) {
        const double score =
            q->a->scale * dot(f->qkv[0], q->row, q->head, f->qkv[1], j, q->kv, dim);
        const double p = exp(score - top) / sum;
        for (int64_t i = 0; i < dim; i++)
            add_to(f->out, q->row, q->head * dim + i,
                   p * reference_get(f->qkv[2], j, q->kv * dim + i));
    }
    reference_set(f->lse, q->row, q->head, top + log(sum));
}

void reference_attention(struct backend *b, const struct attention *a, struct tensor out,
                         struct tensor lse, const struct tensor qkv[3])
{
    struct forward f = {out, lse, qkv};
    (void)b;
    each_query(a, forward_query, &f);
}

struct backward {
    const struct tensor *dqkv, *qkv;
    struct tensor dout, out, lse;
};

/* p = exp(s - lse);  dv += p dout;  ds = p (dout.v - dout.out);  dq += ds k;  dk += ds q. */
static void backward_query(const struct query *q, void *context)
{
    const struct backward *f = context;
    const int64_t dim = q->a->dim;
    const double total = dot(f->dout, q->row, q->head, f->out, q->row, q->head, dim);
    for (int64_t j = q->first; j < q->end; j++) {
        const double score =
            q->a->scale * dot(f->qkv[0], q->row, q->head, f->qkv[1], j, q->kv, dim);
        const double p = exp(score - reference_get(f->lse, q->row, q->head));
        const double dp = dot(f->dout, q->row, q->head, f->qkv[2], j, q->kv, dim);
        const double ds = q->a->scale * p * (dp - total);
        for (int64_t i = 0; i < dim; i++) {
            const int64_t at = q->head * dim + i, from = q->kv * dim + i;
            add_to(f->dqkv[0], q->row, at, ds * reference_get(f->qkv[1], j, from));
            add_to(f->dqkv[1], j, from, ds * reference_get(f->qkv[0], q->row, at));
            add_to(f->dqkv[2], j, from, p * reference_get(f->dout, q->row, at));
        }
    }
}

void reference_attention_back(struct backend *b, const struct attention *a,
                              const struct tensor dqkv[3], struct tensor dout, struct tensor out,
                              struct tensor lse, const struct tensor qkv[3])
{
    struct backward f = {dqkv, qkv, dout, out, lse};
    for (int i = 0; i < 3; i++)
        reference_zero(b, dqkv[i]);
    each_query(a, backward_query, &f);
}

void reference_attention_cached(struct backend *b, const struct attention_cached *a,
                                struct tensor out, struct tensor q)
{
    (void)b;
    for (int64_t row = 0; row < q.rows; row++) {
        const int64_t base = (int64_t)reference_index(a->slots, row) * a->capacity;
        const int64_t at = reference_index(a->positions, row);
        const int64_t first = a->window > 0 && at + 1 > a->window ? at + 1 - a->window : 0;
        double *p = mem_alloc((size_t)(at + 1) * sizeof *p);
        for (int64_t head = 0; head < a->heads; head++) {
            const int64_t kv = head / (a->heads / a->kv_heads);
            double top = -INFINITY, sum = 0;
            for (int64_t j = first; j <= at; j++) {
                p[j] = a->scale * dot(q, row, head, a->keys, base + j, kv, a->dim);
                top = fmax(top, p[j]);
            }
            for (int64_t j = first; j <= at; j++)
                sum += p[j] = exp(p[j] - top);
            for (int64_t i = 0; i < a->dim; i++) {
                double value = 0;
                for (int64_t j = first; j <= at; j++)
                    value += p[j] / sum * reference_get(a->values, base + j, kv * a->dim + i);
                reference_set(out, row, head * a->dim + i, value);
            }
        }
        mem_free(p);
    }
}
