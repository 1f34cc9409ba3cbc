/* Losses of encoder students: few numbers, computed on the host in double. */
#include "train/encoder.h"

#include "core/mem.h"
#include "core/vec.h"

#include <math.h>
#include <string.h>

void encoder_loss_open(struct encoder_loss *l, const struct encoder_settings *s)
{
    memset(l, 0, sizeof *l);
    l->settings = s;
    l->loss.context = l;
}

void encoder_loss_close(struct encoder_loss *l)
{
    mem_free(l->host);
    memset(l, 0, sizeof *l);
}

/* Logits [n, C] and, behind them, n losses. */
static double *fetch(struct encoder_loss *l, const struct model_rows *r)
{
    const size_t n = (size_t)r->logits.rows, count = (size_t)tensor_count(r->logits);
    l->host = vec_reserve(l->host, &l->cap, count + n, sizeof *l->host);
    r->b->ops->download(r->b, r->logits, l->host, DTYPE_F64);
    memset(l->host + count, 0, n * sizeof *l->host);
    return l->host;
}

static void store(const struct encoder_loss *l, const struct model_rows *r)
{
    const size_t count = (size_t)tensor_count(r->logits);
    if (r->gradient)
        r->b->ops->upload(r->b, r->logits, l->host, DTYPE_F64);
    r->b->ops->upload(r->b, r->losses, l->host + count, DTYPE_F64);
}

/* log softmax of z[0 .. n) with the stride, over T. */
static double log_sum(const double *z, size_t n, size_t stride, double temperature)
{
    double most = -(double)INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, z[i * stride] / temperature);
    for (size_t i = 0; i < n; i++)
        sum += exp(z[i * stride] / temperature - most);
    return most + log(sum);
}

/* --- classes ------------------------------------------------------------------------------- */

/* One row: z becomes the gradient.  soft NAN or weight 1: cross-entropy alone. */
static double class_loss(const struct encoder_settings *s, double *z, size_t n, int32_t target,
                         const float *soft)
{
    const double t = s->temperature, hard = isnan(soft[0]) ? 1 : s->hard_weight;
    const double all = log_sum(z, n, 1, 1), warm = log_sum(z, n, 1, t);
    double loss = hard * (all - z[target]), total = 0;
    for (size_t i = 0; i < n && hard < 1; i++)
        total += pow((double)soft[i], 1 / t);
    for (size_t i = 0; i < n; i++) {
        const double q = z[i] / t - warm;
        double slope = hard * (exp(z[i] - all) - (i == (size_t)target));
        if (hard < 1) {
            const double p = pow((double)soft[i], 1 / t) / total;
            if (p > 0)
                loss += (1 - hard) * t * t * p * (log(p) - q);
            slope += (1 - hard) * t * (exp(q) - p);
        }
        z[i] = slope;
    }
    return loss;
}

static int class_rows(void *context, const struct model_rows *r, struct error *error)
{
    struct encoder_loss *l = context;
    const size_t n = (size_t)r->logits.cols;
    double *z = fetch(l, r), *losses = z + tensor_count(r->logits);
    (void)error;
    for (int64_t i = 0; i < r->logits.rows; i++) {
        const int64_t at = r->first + i; /* one row an example, in their order */
        losses[i] = class_loss(l->settings, z + (size_t)i * n, n, l->feed->targets[at],
                               l->examples->soft + l->which[at] * n);
    }
    store(l, r);
    return 0;
}

/* --- spans --------------------------------------------------------------------------------- */

/* Column 0 (where it begins) or 1 (where it ends) of one window. */
static double end_loss(double *z, size_t n, size_t target)
{
    const double all = log_sum(z, n, 2, 1), loss = all - z[2 * target];
    for (size_t i = 0; i < n; i++)
        z[2 * i] = (exp(z[2 * i] - all) - (i == target)) / 2;
    return loss / 2;
}

static size_t place_of(const int32_t *targets, size_t n, int32_t bit)
{
    for (size_t i = 0; i < n; i++)
        if ((targets[i] & bit) != 0)
            return i;
    return 0;
}

static int span_rows(void *context, const struct model_rows *r, struct error *error)
{
    struct encoder_loss *l = context;
    double *z = fetch(l, r), *losses = z + tensor_count(r->logits);
    size_t row = 0;
    if (r->first != 0 || r->logits.rows != l->feed->batch.supervised)
        return error_set(error, ERROR_FAILED, "windows that were cut into chunks");
    for (int32_t s = 0; s < l->feed->batch.segments; s++) {
        const struct example *x = &l->examples->items[l->which[s]];
        const int32_t *targets = l->examples->targets + x->first;
        const size_t n = x->length;
        losses[row] = end_loss(z + 2 * row, n, place_of(targets, n, 1)) +
                      end_loss(z + 2 * row + 1, n, place_of(targets, n, 2));
        row += n;
    }
    store(l, r);
    return 0;
}

const struct model_loss *encoder_loss_for(struct encoder_loss *l, const struct examples *e,
                                          const struct feed *feed, const uint32_t *which)
{
    if (l->settings == NULL || l->settings->task == LABELLED_NONE ||
        l->settings->task == LABELLED_TAG ||
        (l->settings->task == LABELLED_CLASSIFY && l->settings->hard_weight >= 1))
        return NULL;
    l->examples = e;
    l->feed = feed;
    l->which = which;
    l->loss.rows = l->settings->task == LABELLED_ANSWER ? span_rows : class_rows;
    return &l->loss;
}
