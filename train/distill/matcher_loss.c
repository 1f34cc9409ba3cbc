/* What matches cost, and the gradients by what the student computed. */
#include "core/mem.h"
#include "train/distill/matcher_internal.h"

#include <math.h>

struct match_row matcher_row(const struct matcher *m, const struct match *x, size_t n)
{
    const size_t width = x->projection.out != 0 ? x->projection.out : x->s1->width;
    return (struct match_row){.n = n,
                              .width = width,
                              .teacher_width = x->t1->width,
                              .heads = x->s1->heads,
                              .teacher_heads = x->t1->heads,
                              .causal = true,
                              .mask = m->ones};
}

static void softmax_rows(const double *scores, size_t heads, size_t n, double *out)
{
    for (size_t r = 0; r < heads * n; r++) {
        const size_t i = r % n;
        const double *x = scores + r * n;
        double top = x[0], sum = 0, *y = out + r * n;
        for (size_t j = 1; j <= i; j++)
            top = fmax(top, x[j]);
        for (size_t j = 0; j < n; j++)
            sum += y[j] = j <= i ? exp(x[j] - top) : 0;
        for (size_t j = 0; j < n; j++)
            y[j] /= sum;
    }
}

/* One segment of an attention match; gradients by the scores are added to s1's. */
static double attention_row(struct match *x, struct match_row *r, size_t at)
{
    const size_t n = r->n, mine = r->heads * n * n, its = r->teacher_heads * n * n;
    double *d = x->s1->d + at * r->heads, sum;
    const double *s = x->s1->x + at * r->heads, *t = x->t1->x + at * r->teacher_heads;
    double *work = mem_zero(2 * mine + its + 1, sizeof *work), *p = work, *dp = work + mine;
    r->ds1 = dp;
    if (x->how->kind->probabilities) {
        softmax_rows(s, r->heads, n, p);
        softmax_rows(t, r->teacher_heads, n, dp + mine);
        r->s1 = p;
        r->t1 = dp + mine;
    } else {
        r->s1 = s;
        r->t1 = t;
    }
    sum = x->how->kind->row(r);
    for (size_t row = 0; row < r->heads * n; row++) {
        double inner = 0;
        for (size_t j = 0; j <= row % n && x->how->kind->probabilities; j++)
            inner += dp[row * n + j] * p[row * n + j];
        for (size_t j = 0; j <= row % n; j++)
            d[row * n + j] += x->factor * (x->how->kind->probabilities
                                               ? p[row * n + j] * (dp[row * n + j] - inner)
                                               : dp[row * n + j]);
    }
    mem_free(work);
    return sum;
}

/* One segment of a match of hidden states. */
static double hidden_row(struct matcher *m, struct match *x, struct match_row *r, size_t first)
{
    const size_t w = x->s1->width, v = x->t1->width, n = r->n;
    const bool pair = x->s2 != NULL, bent = x->projection.out != 0;
    double *work = mem_zero((bent ? 2 * n * v : n * w) + n * w + 1, sizeof *work), sum;
    const double *s = x->s1->x + first * w;
    double *ds = work + (bent ? 2 * n * v : n * w); /* [n, w], by s1 */
    r->t1 = x->t1->x + first * v;
    r->s1 = s;
    r->ds1 = ds;
    if (pair) {
        r->s2 = x->s2->x + first * w;
        r->t2 = x->t2->x + first * v;
        r->ds2 = work;
    }
    if (bent) {
        projection_forward(&x->projection, m->host + x->projection.at, s, n, work);
        r->s1 = work;
        r->ds1 = work + n * v;
    }
    sum = x->how->kind->row(r);
    if (bent) {
        struct projection_grad g = {s, work, work + n * v, ds, m->grad + x->projection.at};
        for (size_t k = 0; k < n * v; k++)
            g.dy[k] *= x->factor;
        projection_backward(&x->projection, m->host + x->projection.at, &g, n);
    }
    for (size_t k = 0; k < n * w; k++) {
        x->s1->d[first * w + k] += (bent ? 1 : x->factor) * ds[k];
        if (pair)
            x->s2->d[first * w + k] += x->factor * work[k];
    }
    mem_free(work);
    return sum;
}

void matcher_compute(struct matcher *m)
{
    m->computed = true;
    for (size_t i = 0; i < m->n; i++) {
        struct match *x = &m->matches[i];
        for (int32_t s = 0; s < m->feed->batch.segments; s++) {
            const size_t first = (size_t)m->feed->starts[s];
            struct match_row r = matcher_row(m, x, (size_t)m->feed->starts[s + 1] - first);
            m->loss += x->factor * (x->s1->attention ? attention_row(x, &r, m->at[s])
                                                     : hidden_row(m, x, &r, first));
        }
    }
}
