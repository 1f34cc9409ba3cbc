/* cpu: norms, rotary positions, activations, dropout, cross-entropy. */
#include "model/cpu/cpu.h"

#include "core/rng.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 64 };

static void norm_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct norm *p = context;
    const size_t width = (size_t)p->x.cols;
    for (int64_t i = first; i < first + n; i++) {
        float *y = cpu_row(p->y, i), *stats = cpu_row(p->stats, i);
        const float *x = cpu_row(p->x, i);
        if (p->kind == NORM_RMS)
            c->k->rms_norm(y, stats, x, p->weight.data, width, (float)p->epsilon);
        else
            c->k->layer_norm(y, stats, x, p->weight.data, p->bias.data, width, (float)p->epsilon);
    }
}

void cpu_norm(struct backend *b, const struct norm *p)
{
    cpu_rows(cpu_of(b), p->x.rows, p->x.cols, norm_rows, p);
}

static void norm_back_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct norm *p = context;
    for (int64_t i = first; i < first + n; i++)
        c->k->norm_back(cpu_row(p->dx, i), cpu_row(p->dy, i), cpu_row(p->x, i),
                        cpu_row(p->stats, i), p->weight.data, (size_t)p->x.cols,
                        p->kind == NORM_LAYER);
}

struct norm_columns {
    const struct kernels *k;
    const struct norm *p;
};

static float *columns_from(struct tensor t, int64_t first)
{
    return tensor_present(t) ? cpu_row(t, 0) + first : NULL;
}

static void norm_back_columns(void *context, size_t task, int worker)
{
    const struct norm_columns *s = context;
    const struct norm *p = s->p;
    const int64_t first = (int64_t)task * COLUMNS, left = p->x.cols - first;
    const size_t n = (size_t)(left < COLUMNS ? left : COLUMNS);
    float *dweight = columns_from(p->dweight, first), *dbias = columns_from(p->dbias, first);
    (void)worker;
    for (int64_t i = 0; i < p->x.rows; i++)
        s->k->norm_weight_back(dweight, dbias, cpu_row(p->dy, i) + first, cpu_row(p->x, i) + first,
                               cpu_row(p->stats, i), n);
}

void cpu_norm_back(struct backend *b, const struct norm *p)
{
    struct norm_columns columns = {cpu_of(b)->k, p};
    if (tensor_present(p->dx))
        cpu_rows(cpu_of(b), p->x.rows, p->x.cols, norm_back_rows, p);
    if (tensor_present(p->dweight) || tensor_present(p->dbias))
        pool_run(b->pool, (size_t)((p->x.cols + COLUMNS - 1) / COLUMNS), norm_back_columns,
                 &columns);
}

struct rope {
    struct tensor x, table;
    const int32_t *positions;
    int32_t dim;
    float direction;
};

static void rope_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct rope *r = context;
    for (int64_t i = first; i < first + n; i++)
        for (int64_t j = 0; j < r->x.cols; j += r->dim)
            c->k->rope(cpu_row(r->x, i) + j, cpu_row(r->table, r->positions[i]), (size_t)r->dim,
                       r->direction);
}

void cpu_rope(struct backend *b, struct tensor x, struct tensor table, struct tensor positions,
              int32_t dim, int direction)
{
    const struct rope r = {x, table, cpu_ints(positions), dim, (float)direction};
    cpu_rows(cpu_of(b), x.rows, x.cols, rope_rows, &r);
}

struct activation {
    struct tensor x, y, dy; /* x: gate and up, or GELU's argument */
    enum gelu_kind kind;
};

static float *row_or_null(struct tensor t, int64_t i)
{
    return tensor_present(t) ? cpu_row(t, i) : NULL;
}

static void swiglu_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct activation *a = context;
    for (int64_t i = first; i < first + n; i++) {
        const float *x = cpu_row(a->x, i);
        c->k->swiglu(cpu_row(a->y, i), x, x + a->y.cols, (size_t)a->y.cols);
    }
}

void cpu_swiglu(struct backend *b, struct tensor y, struct tensor gate_up)
{
    const struct activation a = {.x = gate_up, .y = y};
    cpu_rows(cpu_of(b), y.rows, y.cols, swiglu_rows, &a);
}

static void swiglu_back_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct activation *a = context;
    for (int64_t i = first; i < first + n; i++) {
        float *x = cpu_row(a->x, i);
        c->k->swiglu_back(x, x + a->dy.cols, row_or_null(a->y, i), cpu_row(a->dy, i),
                          (size_t)a->dy.cols);
    }
}

void cpu_swiglu_back(struct backend *b, struct tensor gate_up, struct tensor y, struct tensor dy)
{
    const struct activation a = {.x = gate_up, .y = y, .dy = dy};
    cpu_rows(cpu_of(b), dy.rows, dy.cols, swiglu_back_rows, &a);
}

/* GELU with erf (BERT): the C library's erff, a small share of such models. */
static void gelu_erf(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = 0.5f * x[i] * (1 + erff(x[i] * 0.70710678118654752f));
}

static void gelu_erf_back(float *x, float *y, const float *dy, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float a = x[i], cdf = 0.5f * (1 + erff(a * 0.70710678118654752f));
        if (y != NULL)
            y[i] = a * cdf;
        x[i] = dy[i] * (cdf + a * 0.39894228040143268f * expf(-0.5f * a * a));
    }
}

static void gelu_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct activation *a = context;
    for (int64_t i = first; i < first + n; i++) {
        if (a->kind == GELU_ERF)
            gelu_erf(cpu_row(a->y, i), cpu_row(a->x, i), (size_t)a->x.cols);
        else
            c->k->gelu_tanh(cpu_row(a->y, i), cpu_row(a->x, i), (size_t)a->x.cols);
    }
}

void cpu_gelu(struct backend *b, enum gelu_kind kind, struct tensor y, struct tensor x)
{
    const struct activation a = {.x = x, .y = y, .kind = kind};
    cpu_rows(cpu_of(b), x.rows, x.cols, gelu_rows, &a);
}

static void gelu_back_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct activation *a = context;
    for (int64_t i = first; i < first + n; i++) {
        float *x = cpu_row(a->x, i), *y = row_or_null(a->y, i);
        if (a->kind == GELU_ERF)
            gelu_erf_back(x, y, cpu_row(a->dy, i), (size_t)a->x.cols);
        else
            c->k->gelu_tanh_back(x, y, cpu_row(a->dy, i), (size_t)a->x.cols);
    }
}

void cpu_gelu_back(struct backend *b, enum gelu_kind kind, struct tensor x, struct tensor y,
                   struct tensor dy)
{
    const struct activation a = {.x = x, .y = y, .dy = dy, .kind = kind};
    cpu_rows(cpu_of(b), x.rows, x.cols, gelu_back_rows, &a);
}

struct random {
    struct tensor y, x;
    double p; /* of dropping, or the magnitude of noise */
    uint64_t seed, stream;
};

/* 32 bits by the element's place: half of a 64-bit number of the stream. */
static uint32_t bits_at(const struct random *r, uint64_t index)
{
    const uint64_t word = rng_at(r->seed, r->stream, index / 2);
    return (uint32_t)(index % 2 != 0 ? word >> 32 : word);
}

static void dropout_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct random *r = context;
    const float keep = (float)(1 / (1 - r->p));
    (void)c;
    for (int64_t i = first; i < first + n; i++) {
        const float *x = cpu_row(r->x, i);
        float *y = cpu_row(r->y, i);
        for (int64_t j = 0; j < r->x.cols; j++) {
            const double u = (double)bits_at(r, (uint64_t)(i * r->x.cols + j)) * 0x1p-32;
            y[j] = u >= r->p ? x[j] * keep : 0;
        }
    }
}

void cpu_dropout(struct backend *b, struct tensor y, struct tensor x, double p,
                 const uint64_t seed_stream[2])
{
    const struct random r = {y, x, p, seed_stream[0], seed_stream[1]};
    cpu_rows(cpu_of(b), x.rows, x.cols, dropout_rows, &r);
}

static void noise_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct random *r = context;
    (void)c;
    for (int64_t i = first; i < first + n; i++) {
        float *y = cpu_row(r->y, i);
        for (int64_t j = 0; j < r->y.cols; j++) {
            const double u = (double)bits_at(r, (uint64_t)(i * r->y.cols + j)) * 0x1p-32;
            y[j] += (float)(r->p * (2 * u - 1));
        }
    }
}

void cpu_noise(struct backend *b, struct tensor y, double magnitude, const uint64_t seed_stream[2])
{
    const struct random r = {y, TENSOR_ABSENT, magnitude, seed_stream[0], seed_stream[1]};
    cpu_rows(cpu_of(b), y.rows, y.cols, noise_rows, &r);
}

struct loss {
    struct tensor logits, nll, weights;
    const int32_t *targets;
    bool gradient;
};

/* Row by row, each three times over while it is in the cache. */
static void loss_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct loss *l = context;
    const size_t width = (size_t)l->logits.cols;
    for (int64_t i = first; i < first + n; i++) {
        float *z = cpu_row(l->logits, i);
        const float weight = tensor_present(l->weights) ? cpu_row(l->weights, 0)[i] : 1;
        const float top = c->k->max(z, width), target = z[l->targets[i]];
        const float sum = c->k->exp_sum(z, 1, top, width);
        cpu_row(l->nll, 0)[i] = weight * (float)(log((double)sum) - (double)(target - top));
        if (!l->gradient)
            continue;
        c->k->scale(z, weight / sum, width);
        z[l->targets[i]] -= weight;
    }
}

void cpu_cross_entropy(struct backend *b, struct tensor logits, struct tensor nll,
                       struct tensor targets, struct tensor weights, bool gradient)
{
    const struct loss l = {logits, nll, weights, cpu_ints(targets), gradient};
    cpu_rows(cpu_of(b), logits.rows, logits.cols, loss_rows, &l);
}

/* Only a few rows, those of pooled sequences, come here: plain loops. */
void cpu_activate(struct backend *b, enum activation_kind kind, struct tensor y)
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++) {
        float *row = cpu_row(y, i);
        for (int64_t j = 0; j < y.cols; j++)
            row[j] = kind == ACTIVATION_TANH ? tanhf(row[j]) : row[j] > 0 ? row[j] : 0;
    }
}

void cpu_activate_back(struct backend *b, enum activation_kind kind, struct tensor dy,
                       struct tensor y)
{
    (void)b;
    for (int64_t i = 0; i < y.rows; i++) {
        const float *row = cpu_row(y, i);
        float *out = cpu_row(dy, i);
        for (int64_t j = 0; j < y.cols; j++)
            out[j] *= kind == ACTIVATION_TANH ? 1 - row[j] * row[j] : row[j] > 0 ? 1 : 0;
    }
}
