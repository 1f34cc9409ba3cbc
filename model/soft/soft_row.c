/*
 * One row.  A row with the teacher's full logits is gone through block by block: once for the two
 * sums of exponentials, once for the loss and h (left in the teacher's row), once for the
 * gradient, which needs H first.  Where H is zero whatever the rows are, the last two are one.
 */
#include "model/soft/soft_internal.h"

#include "model/kernels/kernels.h"

#include <math.h>
#include <string.h>

/* sum x y over two rows. */
static double dot(const struct soft_math *m, const void *x, const void *y, size_t n)
{
    double a[SOFT_BLOCK], b[SOFT_BLOCK], sum = 0;
    for (size_t at = 0; at < n; at += SOFT_BLOCK) {
        const size_t take = n - at < SOFT_BLOCK ? n - at : SOFT_BLOCK;
        soft_load(m, a, x, at, take, 1);
        soft_load(m, b, y, at, take, 1);
        for (size_t i = 0; i < take; i++)
            sum += a[i] * b[i];
    }
    return sum;
}

/* w of the schedule. */
static double statistic(const struct soft_math *m, const struct soft_how *how,
                        const struct soft_row *r)
{
    double cosine;
    if (how->schedule == SOFT_CWSM)
        return 1 / (exp(soft_max(m, r->z, r->vocab) - soft_lse(m, r->z, r->vocab, 1)) + 1e-3);
    if (how->schedule != SOFT_FLSW || r->t == NULL)
        return 0;
    cosine = dot(m, r->z, r->t, r->common) /
             sqrt(dot(m, r->z, r->z, r->common) * dot(m, r->t, r->t, r->common) + 1e-300);
    return pow(fmax(1 - cosine, 0), how->schedule_gamma);
}

static struct soft_plan plan_of(const struct soft_how *how, const struct soft_row *r)
{
    struct soft_plan p = {.temperature = how->temperature, .hard = how->hard};
    if (how->schedule != SOFT_CONSTANT && !isnan(how->schedule_mean))
        p.temperature =
            fmax(how->temperature + how->schedule_beta * (how->schedule_mean - r->out.statistic),
                 how->temperature / 10);
    p.value = how->soft * (how->t_squared ? p.temperature * p.temperature : 1);
    p.chain = p.value / p.temperature;
    return p;
}

/* The teacher's largest logit and the gold token's change places. */
static void shift_gold(const struct soft_math *m, struct soft_row *r)
{
    int32_t best;
    double top;
    if (r->gold < 0 || (size_t)r->gold >= r->common)
        return;
    soft_best(m, r->t, r->common, &best, 1);
    top = soft_get(m, r->t, (size_t)best);
    soft_put(m, r->t, (size_t)best, soft_get(m, r->t, (size_t)r->gold));
    soft_put(m, r->t, (size_t)r->gold, top);
}

/* A row with the teacher's full logits, in work. */
struct full {
    const struct soft_math *m;
    const struct soft_how *how;
    const struct soft_plan *plan;
    struct soft_row *r;
    double q, p, one; /* log sums: student and teacher at T, student at 1 */
    bool alike;       /* the hard label's softmax is q: T is 1 and the vocabularies are the same */
    double total;     /* H; 0 where the loss works on logits */
};

/* Loss and h of the block [at, at + n), and its q. */
static double block(const struct full *f, size_t at, size_t n, double *h, double *q)
{
    const double factor = 1 / f->plan->temperature;
    const double student[2] = {factor, f->q}, teacher[2] = {factor, f->p};
    double lq[SOFT_BLOCK], d[SOFT_BLOCK], p[SOFT_BLOCK];
    struct soft_bins bins = {n, p, q, lq, d, h};
    if (f->how->loss->logits) {
        soft_load(f->m, lq, f->r->z, at, n, factor);
        soft_load(f->m, d, f->r->t, at, n, factor);
        for (size_t i = 0; i < n; i++)
            d[i] -= lq[i];
        return f->how->loss->bins(f->how, f->m, &bins);
    }
    soft_log(f->m, lq, f->r->z, at, n, student);
    soft_log(f->m, p, f->r->t, at, n, teacher);
    for (size_t i = 0; i < n; i++)
        d[i] = p[i] - lq[i];
    soft_exps(f->m, q, lq, n);
    soft_exps(f->m, p, p, n);
    return f->how->loss->bins(f->how, f->m, &bins);
}

/* The block's part of the gradient, from h and q, into the student's row. */
static void put_block(const struct full *f, size_t at, size_t n, double *h, const double *q)
{
    const double hard = f->plan->hard, one[2] = {1, f->one};
    const double how[3] = {f->plan->chain, f->total, f->alike ? hard : 0};
    double x[SOFT_BLOCK];
    if (hard > 0 && !f->alike) {
        soft_log(f->m, x, f->r->z, at, n, one);
        soft_exps(f->m, x, x, n);
    }
    if (f->m->k != NULL && (f->alike || hard <= 0)) {
        f->m->k->soft_slope((float *)f->r->z + at, h, q, how, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        h[i] = how[0] * (h[i] - q[i] * how[1]) + how[2] * q[i];
    for (size_t i = 0; i < n && hard > 0 && !f->alike; i++)
        h[i] += hard * x[i];
    soft_store(f->m, f->r->z, h, at, n);
}

/* The gradient once H is known, from what the teacher's row keeps of h. */
static void gradient(const struct full *f)
{
    const struct soft_row *r = f->r;
    const double factor = 1 / f->plan->temperature, student[2] = {factor, f->q};
    const double scale = f->how->loss->logits ? 1 / (double)r->common : 1;
    double h[SOFT_BLOCK], q[SOFT_BLOCK];
    for (size_t at = 0; at < r->common; at += SOFT_BLOCK) {
        const size_t n = r->common - at < SOFT_BLOCK ? r->common - at : SOFT_BLOCK;
        soft_load(f->m, h, r->t, at, n, scale);
        soft_log(f->m, q, r->z, at, n, student);
        soft_exps(f->m, q, q, n);
        put_block(f, at, n, h, q);
    }
}

/* What only the student has: the hard label's part alone. */
static void put_rest(const struct full *f)
{
    double none[SOFT_BLOCK] = {0}, h[SOFT_BLOCK];
    for (size_t at = f->r->common; at < f->r->vocab; at += SOFT_BLOCK) {
        const size_t n = f->r->vocab - at < SOFT_BLOCK ? f->r->vocab - at : SOFT_BLOCK;
        memset(h, 0, sizeof h);
        put_block(f, at, n, h, none);
    }
}

/* All blocks: the loss, and h into the teacher's row; or, where H is known to be zero, the gradient
 * at once. */
static double blocks(struct full *f, bool at_once)
{
    struct soft_row *r = f->r;
    double h[SOFT_BLOCK], q[SOFT_BLOCK], loss = 0, total = 0;
    for (size_t at = 0; at < r->common; at += SOFT_BLOCK) {
        const size_t n = r->common - at < SOFT_BLOCK ? r->common - at : SOFT_BLOCK;
        loss += block(f, at, n, h, q);
        if (at_once) {
            put_block(f, at, n, h, q);
            continue;
        }
        total += soft_dot(h, NULL, n);
        soft_store(f->m, r->t, h, at, n);
    }
    f->total = f->how->loss->logits ? 0 : total;
    return loss;
}

static void full_row(struct full *f)
{
    const struct soft_math *m = f->m;
    const double factor = 1 / f->plan->temperature, hard = f->plan->hard;
    struct soft_row *r = f->r;
    const bool at_once = r->gradient && f->how->loss->balanced;
    double loss;
    if (f->how->shift)
        shift_gold(m, r);
    f->q = soft_lse(m, r->z, r->common, factor);
    f->p = soft_lse(m, r->t, r->common, factor);
    if (hard > 0) {
        f->alike = factor == 1 && r->common == r->vocab;
        f->one = f->alike ? f->q : soft_lse(m, r->z, r->vocab, 1);
        r->out.hard = hard * (f->one - soft_get(m, r->z, (size_t)r->gold));
    }
    loss = blocks(f, at_once);
    r->out.soft = f->plan->value * loss / (f->how->loss->logits ? (double)r->common : 1);
    if (r->gradient && !at_once)
        gradient(f);
    if (r->gradient)
        put_rest(f);
    if (r->gradient && hard > 0)
        soft_put(m, r->z, (size_t)r->gold, soft_get(m, r->z, (size_t)r->gold) - hard);
}

/* A loss by ranks sees the teacher's first ones only: make them the row's most likely tokens. */
static void ranked_row(const struct soft_math *m, const struct soft_how *how,
                       const struct soft_plan *plan, struct soft_row *r)
{
    const size_t n = r->common < SOFT_RANKS ? r->common : SOFT_RANKS;
    const double factor = 1 / plan->temperature, lse = soft_lse(m, r->t, r->common, factor);
    int32_t ids[SOFT_RANKS];
    float logprobs[SOFT_RANKS];
    soft_best(m, r->t, r->common, ids, n);
    for (size_t i = 0; i < n; i++)
        logprobs[i] = (float)(factor * soft_get(m, r->t, (size_t)ids[i]) - lse);
    r->top = (struct soft_top){ids, logprobs, (int32_t)n, (float)plan->temperature};
    r->t = NULL;
    soft_top_row(m, how, plan, r);
    r->top = (struct soft_top){NULL, NULL, 0, 1};
}

void soft_row(const struct soft_math *m, const struct soft_how *how, struct soft_row *r)
{
    struct soft_plan plan;
    struct full f = {.m = m, .how = how, .plan = &plan, .r = r};
    r->out = (struct soft_parts){0, 0, 0};
    if (how->schedule != SOFT_CONSTANT)
        r->out.statistic = statistic(m, how, r);
    plan = plan_of(how, r);
    if (r->t == NULL)
        soft_top_row(m, how, &plan, r);
    else if (how->loss->ranks)
        ranked_row(m, how, &plan, r);
    else
        full_row(&f);
}
