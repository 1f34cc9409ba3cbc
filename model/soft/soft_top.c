/*
 * A row of which the teacher's most likely tokens are known: k bins of one token and one of all
 * others.  The gradient of the others is q_i times one number, so such a row costs what a
 * cross-entropy costs: one pass of exponentials in place and one of scaling.
 */
#include "model/kernels/kernels.h"
#include "model/soft/soft_internal.h"

#include <math.h>

enum { BINS = SOFT_TOP_MAX + 1 };

static const double TAIL_FLOOR = 1e-12; /* of the teacher's tail, where its logarithm is needed */
static const double REST_FLOOR = 1e-30; /* of the student's */
static const double NOTHING = -1e30;    /* a logit of no probability */

struct top {
    int32_t ids[SOFT_TOP_MAX];
    double z[SOFT_TOP_MAX];                              /* the student's logits of these tokens */
    double p[BINS], q[BINS], lq[BINS], d[BINS], h[BINS]; /* the last bin is the tail */
    size_t n;                                            /* tokens */
    double total;                                        /* sum of h */
};

/* Is a before b in the order of likelihood? */
static bool before(const struct soft_math *m, const void *row, int32_t a, int32_t b)
{
    const double x = soft_get(m, row, (size_t)a), y = soft_get(m, row, (size_t)b);
    return x > y || (x == y && a < b);
}

/* ids is a heap whose root is the least likely of them. */
static void sift(const struct soft_math *m, const void *row, int32_t *ids, size_t n, size_t i)
{
    for (size_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        const int32_t id = ids[i];
        if (child + 1 < n && before(m, row, ids[child], ids[child + 1]))
            child++;
        if (!before(m, row, id, ids[child]))
            return;
        ids[i] = ids[child];
        ids[child] = id;
        i = child;
    }
}

void soft_best(const struct soft_math *m, const void *row, size_t vocab, int32_t *ids, size_t n)
{
    double x[SOFT_BLOCK];
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)i;
    for (size_t i = n / 2; i-- > 0;)
        sift(m, row, ids, n, i);
    for (size_t at = n; at < vocab; at += SOFT_BLOCK) {
        const size_t take = vocab - at < SOFT_BLOCK ? vocab - at : SOFT_BLOCK;
        double least = soft_get(m, row, (size_t)ids[0]);
        soft_load(m, x, row, at, take, 1);
        for (size_t i = 0; i < take; i++) {
            if (!(x[i] > least)) /* of equals the lower id stays, which came first */
                continue;
            ids[0] = (int32_t)(at + i);
            sift(m, row, ids, n, 0);
            least = soft_get(m, row, (size_t)ids[0]);
        }
    }
    for (size_t k = n; k-- > 1;) {
        const int32_t id = ids[0];
        ids[0] = ids[k];
        ids[k] = id;
        sift(m, row, ids, k, 0);
    }
}

void soft_top_of(const float *logits, size_t vocab, double temperature, size_t k, int32_t *ids,
                 float *logprobs)
{
    const struct soft_math m = {kernels_best()};
    const double factor = 1 / temperature, lse = soft_lse(&m, logits, vocab, factor);
    soft_best(&m, logits, vocab, ids, k);
    for (size_t i = 0; i < k; i++)
        logprobs[i] = (float)(factor * (double)logits[ids[i]] - lse);
}

/* Which tokens, and the teacher's probabilities of the bins at temperature T. */
static void teacher_bins(const struct soft_how *how, const struct soft_plan *plan,
                         const struct soft_row *r, struct top *t)
{
    const double power = (double)r->top.temperature / plan->temperature;
    double known = 0, sum = 0, tail;
    for (size_t i = 0; i < t->n; i++) {
        const double logprob = (double)r->top.logprobs[i];
        t->ids[i] = r->top.ids[i];
        t->p[i] = exp(power * logprob);
        known += exp(logprob);
        sum += t->p[i];
    }
    tail = fmax(1 - known, 0);
    t->p[t->n] = tail > 0 ? pow(tail, power) : 0;
    if (how->tail != SOFT_RENORMALISE)
        sum += t->p[t->n];
    for (size_t i = 0; i <= t->n; i++)
        t->p[i] = power != 1 || sum > 1 || how->tail == SOFT_RENORMALISE ? t->p[i] / sum : t->p[i];
    if (how->tail != SOFT_BUCKET)
        t->p[t->n] = 0;
}

/* The gold token takes the first place; where it was not among the tokens, it takes that place in
 * the list too, and the token that stood there joins the others. */
static void shift_gold(struct top *t, int32_t gold)
{
    for (size_t i = 1; i < t->n; i++)
        if (t->ids[i] == gold)
            t->ids[i] = t->ids[0];
    t->ids[0] = gold;
}

/* The student's bins.  `rest` is the sum of exp(factor z - top) over the tokens without a bin of
 * their own: never 1 less the others, which rounding would drown.  Returns the log of all. */
static double student_bins(struct top *t, double factor, double top, double rest)
{
    double sum = rest, lse;
    for (size_t i = 0; i < t->n; i++)
        sum += exp(factor * t->z[i] - top);
    lse = top + log(sum);
    for (size_t i = 0; i < t->n; i++) {
        t->lq[i] = fmax(factor * t->z[i] - lse, -690);
        t->q[i] = exp(t->lq[i]);
    }
    t->q[t->n] = fmax(rest / sum, REST_FLOOR);
    t->lq[t->n] = log(t->q[t->n]);
    for (size_t i = 0; i <= t->n; i++)
        t->d[i] = log(fmax(t->p[i], TAIL_FLOOR)) - t->lq[i];
    return lse;
}

/* sum exp(factor z - shift), the row left as it is. */
static double rest_of(const struct soft_math *m, const void *row, size_t vocab, double factor,
                      double shift)
{
    double x[SOFT_BLOCK], sum = 0;
    for (size_t at = 0; at < vocab; at += SOFT_BLOCK) {
        const size_t n = vocab - at < SOFT_BLOCK ? vocab - at : SOFT_BLOCK;
        soft_load(m, x, row, at, n, factor);
        for (size_t i = 0; i < n; i++)
            x[i] -= shift;
        soft_exps(m, x, x, n);
        for (size_t i = 0; i < n; i++)
            sum += x[i];
    }
    return sum;
}

/* The row becomes `all` q_i + hard e_i, e at temperature 1; in place where one pass will do. */
static void spread(const struct soft_math *m, const struct soft_plan *plan, struct soft_row *r,
                   const double lse[2], double all)
{
    const double factor = 1 / plan->temperature;
    double x[SOFT_BLOCK], y[SOFT_BLOCK];
    for (size_t at = 0; at < r->vocab; at += SOFT_BLOCK) {
        const size_t n = r->vocab - at < SOFT_BLOCK ? r->vocab - at : SOFT_BLOCK;
        soft_load(m, x, r->z, at, n, factor);
        soft_load(m, y, r->z, at, n, 1);
        for (size_t i = 0; i < n; i++) {
            x[i] -= lse[0];
            y[i] -= lse[1];
        }
        soft_exps(m, x, x, n);
        soft_exps(m, y, y, n);
        for (size_t i = 0; i < n; i++)
            x[i] = all * x[i] + plan->hard * y[i];
        soft_store(m, r->z, x, at, n);
    }
}

/* dz of the tokens that have a bin, and the gold token's part of the hard label. */
static void patch(const struct soft_math *m, const struct soft_plan *plan, struct soft_row *r,
                  const struct top *t, double lse_one)
{
    for (size_t i = 0; i < t->n; i++) {
        double g = plan->chain * (t->h[i] - t->q[i] * t->total);
        if (plan->hard > 0)
            g += plan->hard * exp(t->z[i] - lse_one);
        soft_put(m, r->z, (size_t)t->ids[i], g);
    }
    if (plan->hard > 0)
        soft_put(m, r->z, (size_t)r->gold, soft_get(m, r->z, (size_t)r->gold) - plan->hard);
}

/* A row without soft labels. */
static void hard_row(const struct soft_math *m, const struct soft_how *how, struct soft_row *r)
{
    const double weight = how->soft + how->hard, gold = soft_get(m, r->z, (size_t)r->gold);
    const double top = soft_max(m, r->z, r->vocab);
    const double sum = soft_exp_row(m, r->z, r->vocab, 1, top);
    r->out.hard = weight * (log(sum) + top - gold);
    soft_scale_row(m, r->z, r->vocab, weight / sum);
    soft_put(m, r->z, (size_t)r->gold, soft_get(m, r->z, (size_t)r->gold) - weight);
}

void soft_top_row(const struct soft_math *m, const struct soft_how *how,
                  const struct soft_plan *plan, struct soft_row *r)
{
    const double factor = 1 / plan->temperature;
    const bool two = plan->hard > 0 && plan->temperature != 1;
    const double gold = soft_get(m, r->z, (size_t)r->gold);
    double lse[2], top, rest, all;
    struct top t;
    struct soft_bins b = {0, t.p, t.q, t.lq, t.d, t.h};
    t.n = (size_t)r->top.n;
    if (t.n == 0) {
        hard_row(m, how, r);
        return;
    }
    teacher_bins(how, plan, r, &t);
    if (how->loss->ranks)
        soft_best(m, r->z, r->vocab, t.ids, t.n);
    else if (how->shift)
        shift_gold(&t, r->gold);
    top = soft_max(m, r->z, r->vocab);
    for (size_t i = 0; i < t.n; i++) {
        t.z[i] = soft_get(m, r->z, (size_t)t.ids[i]);
        soft_put(m, r->z, (size_t)t.ids[i], NOTHING);
    }
    rest = two ? rest_of(m, r->z, r->vocab, factor, factor * top)
               : soft_exp_row(m, r->z, r->vocab, factor, factor * top);
    lse[0] = lse[1] = student_bins(&t, factor, factor * top, rest);
    if (two) {
        double one = rest_of(m, r->z, r->vocab, 1, top);
        for (size_t i = 0; i < t.n; i++)
            one += exp(t.z[i] - top);
        lse[1] = top + log(one);
    }
    b.n = t.n + 1;
    r->out.soft = plan->value * how->loss->bins(how, m, &b);
    if (plan->hard > 0)
        r->out.hard = plan->hard * (lse[1] - gold);
    if (!r->gradient)
        return;
    t.total = 0;
    for (size_t i = 0; i <= t.n; i++)
        t.total += t.h[i];
    all = plan->chain * (t.h[t.n] / t.q[t.n] - t.total);
    if (two)
        spread(m, plan, r, lse, all);
    else
        soft_scale_row(m, r->z, r->vocab, (all + plan->hard) * exp(factor * top - lse[0]));
    patch(m, plan, r, &t, lse[1]);
}
