/* Hidden states: distances of states, and of what pairs of layers say about each other. */
#include "train/distill/match.h"

#include "core/buf.h"
#include "core/mem.h"
#include "train/distill/match_kinds.h"

#include <math.h>
#include <string.h>

const struct match_kind *const match_kinds[] = {
    &match_hidden_mse,
    &match_cos,
    &match_pkd,
    &match_gram,
    &match_nst,
    &match_attention_mse,
    &match_attention_mse_sum,
    &match_attention_ce,
    &match_attention_ce_mean,
    NULL,
};

const struct match_kind *match_find(const char *name, struct error *error)
{
    struct buf names = BUF_MAX(512);
    for (size_t i = 0; match_kinds[i] != NULL; i++) {
        if (strcmp(match_kinds[i]->name, name) == 0) {
            buf_free(&names);
            return match_kinds[i];
        }
        buf_printf(&names, "%s%s", i == 0 ? "" : ", ", match_kinds[i]->name);
    }
    error_set(error, ERROR_USAGE, "there is no match \"%s\"; one of %s", name, buf_text(&names));
    buf_free(&names);
    return NULL;
}

double match_length(const struct match_row *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->n; i++)
        sum += r->mask[i];
    return sum;
}

static double dot(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* --- states -------------------------------------------------------------------------------- */

static double mse_row(const struct match_row *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = i * r->width; j < (i + 1) * r->width && r->mask[i] != 0; j++) {
            const double d = r->s[0][j] - r->t[0][j];
            sum += r->mask[i] * d * d;
            r->ds[0][j] += 2 * r->mask[i] * d;
        }
    return sum;
}

static double mse_measure(const struct match_row *r)
{
    return match_length(r) * (double)r->width;
}

static double cos_row(const struct match_row *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) {
        const double *s = r->s[0] + i * r->width, *t = r->t[0] + i * r->width;
        const double ss = dot(s, s, r->width), tt = dot(t, t, r->width);
        const double length = sqrt(ss * tt) + 1e-300, c = dot(s, t, r->width) / length;
        sum += r->mask[i] * (1 - c);
        for (size_t j = 0; j < r->width && ss > 0; j++)
            r->ds[0][i * r->width + j] -= r->mask[i] * (t[j] / length - c * s[j] / ss);
    }
    return sum;
}

static double pkd_row(const struct match_row *r)
{
    const size_t w = r->width;
    const double s = sqrt(dot(r->s[0], r->s[0], w)) + 1e-300,
                 t = sqrt(dot(r->t[0], r->t[0], w)) + 1e-300;
    double sum = 0, along = 0;
    for (size_t j = 0; j < w; j++) {
        const double d = r->s[0][j] / s - r->t[0][j] / t;
        sum += d * d;
        along += 2 * d * r->s[0][j] / s;
    }
    for (size_t j = 0; j < w; j++)
        r->ds[0][j] += (2 * (r->s[0][j] / s - r->t[0][j] / t) - along * r->s[0][j] / s) / s;
    return sum;
}

static double one(const struct match_row *r)
{
    (void)r;
    return 1;
}

/* --- pairs of layers ------------------------------------------------------------------------ */

/* g [w1, w2] = sum_i m_i x_i y_i' / n. */
static void gram(const struct match_row *r, const double *x, const double *y, double *g)
{
    const double length = match_length(r);
    memset(g, 0, r->width * r->width * sizeof *g);
    for (size_t i = 0; i < r->n; i++)
        for (size_t a = 0; a < r->width; a++)
            for (size_t b = 0; b < r->width; b++)
                g[a * r->width + b] +=
                    r->mask[i] * x[i * r->width + a] * y[i * r->width + b] / length;
}

static double gram_row(const struct match_row *r)
{
    const size_t w = r->width;
    const double length = match_length(r);
    double *gs = mem_alloc(2 * w * w * sizeof *gs), *gt = gs + w * w, sum = 0;
    gram(r, r->s[0], r->s[1], gs);
    gram(r, r->t[0], r->t[1], gt);
    for (size_t k = 0; k < w * w; k++) {
        gs[k] -= gt[k];
        sum += gs[k] * gs[k];
    }
    for (size_t i = 0; i < r->n; i++)
        for (size_t a = 0; a < w; a++)
            for (size_t b = 0; b < w; b++) {
                const double g = 2 * gs[a * w + b] * r->mask[i] / length;
                r->ds[0][i * w + a] += g * r->s[1][i * w + b];
                r->ds[1][i * w + b] += g * r->s[0][i * w + a];
            }
    mem_free(gs);
    return sum;
}

static double gram_measure(const struct match_row *r)
{
    return (double)r->width * (double)r->width;
}

static double nst_row(const struct match_row *r)
{
    const size_t w = r->width, v = r->teacher_width;
    double sum = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j < r->n; j++) {
            const double m = r->mask[i] * r->mask[j];
            const double d = dot(r->s[0] + i * w, r->s[1] + j * w, w) / (double)w -
                             dot(r->t[0] + i * v, r->t[1] + j * v, v) / (double)v;
            sum += m * d * d;
            for (size_t k = 0; k < w && m != 0; k++) {
                r->ds[0][i * w + k] += 2 * m * d * r->s[1][j * w + k] / (double)w;
                r->ds[1][j * w + k] += 2 * m * d * r->s[0][i * w + k] / (double)w;
            }
        }
    return sum;
}

static double nst_measure(const struct match_row *r)
{
    const double length = match_length(r);
    return length * length;
}

const struct match_kind match_hidden_mse = {.name = "hidden_mse",
                                            .same_width = true,
                                            .row = mse_row,
                                            .measure = mse_measure};
const struct match_kind match_cos = {.name = "cos",
                                     .same_width = true,
                                     .row = cos_row,
                                     .measure = match_length};
const struct match_kind match_pkd = {.name = "pkd",
                                     .same_width = true,
                                     .row = pkd_row,
                                     .measure = one};
const struct match_kind match_gram = {
    .name = "gram", .pairs = true, .same_width = true, .row = gram_row, .measure = gram_measure};
const struct match_kind match_nst = {.name = "nst",
                                     .pairs = true,
                                     .row = nst_row,
                                     .measure = nst_measure};
