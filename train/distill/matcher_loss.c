/* What matches cost, and the gradients by what the student computed. */
#include "core/mem.h"
#include "train/distill/matcher_internal.h"

#include <math.h>

struct match_row matcher_row(const struct matcher *m, const struct match *x, size_t n)
{
    const size_t width = x->projection.out != 0 ? x->projection.out : x->s[0]->width;
    return (struct match_row){.n = n,
                              .width = width,
                              .teacher_width = x->t[0]->width,
                              .heads = x->s[0]->heads,
                              .teacher_heads = x->t[0]->heads,
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
    double *d = x->s[0]->d + at * r->heads, sum;
    const double *s = x->s[0]->x + at * r->heads, *t = x->t[0]->x + at * r->teacher_heads;
    double *work = mem_zero(2 * mine + its + 1, sizeof *work), *p = work, *dp = work + mine;
    r->ds[0] = dp;
    if (x->how->kind->probabilities) {
        softmax_rows(s, r->heads, n, p);
        softmax_rows(t, r->teacher_heads, n, dp + mine);
        r->s[0] = p;
        r->t[0] = dp + mine;
    } else {
        r->s[0] = s;
        r->t[0] = t;
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

/* One segment of a match of hidden states, of one layer or of one and the next. */
static double hidden_row(struct matcher *m, struct match *x, struct match_row *r, size_t first)
{
    const struct projection *p = &x->projection;
    const size_t w = x->s[0]->width, n = r->n, size = n * r->width,
                 states = x->s[1] != NULL ? 2 : 1;
    double *work = mem_zero(states * 2 * size + 1, sizeof *work), sum;
    for (size_t i = 0; i < states; i++) {
        double *y = work + 2 * i * size;
        r->s[i] = x->s[i]->x + first * w;
        r->t[i] = x->t[i]->x + first * r->teacher_width;
        r->ds[i] = y + size;
        if (p->out != 0) {
            projection_forward(p, m->host + p->at, r->s[i], n, y);
            r->s[i] = y;
        }
    }
    sum = x->how->kind->row(r);
    for (size_t i = 0; i < states; i++) {
        double *d = x->s[i]->d + first * w;
        struct projection_grad g = {x->s[i]->x + first * w, r->s[i], r->ds[i], d, m->grad + p->at};
        for (size_t k = 0; k < size; k++)
            g.dy[k] *= x->factor;
        if (p->out != 0)
            projection_backward(p, m->host + p->at, &g, n);
        else
            for (size_t k = 0; k < size; k++)
                d[k] += g.dy[k];
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
            m->loss += x->factor * (x->s[0]->attention ? attention_row(x, &r, m->at[s])
                                                       : hidden_row(m, x, &r, first));
        }
    }
}
