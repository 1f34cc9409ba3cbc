/* cpu: sums, rows by index, AdamW. */
#include "model/cpu/cpu.h"

#include "model/int8.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 16384, COLUMNS = 64 };

struct pair {
    struct tensor y, x;
    float factor;
};

static void add_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct pair *p = context;
    for (int64_t i = first; i < first + n; i++)
        c->k->add(cpu_row(p->y, i), cpu_row(p->x, i), (size_t)p->y.cols);
}

void cpu_add(struct backend *b, struct tensor y, struct tensor x)
{
    const struct pair p = {y, x, 0};
    cpu_rows(cpu_of(b), y.rows, y.cols, add_rows, &p);
}

void cpu_widen(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct tensor *both = context; /* floats, halves */
    for (int64_t i = first; i < first + n; i++)
        c->k->from_bf16(cpu_row(both[0], i), (const uint16_t *)both[1].data + i * both[1].stride,
                        (size_t)both[0].cols);
}

static void copy_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct pair *p = context;
    if (p->x.type == DTYPE_I8) {
        for (int64_t i = first; i < first + n; i++)
            int8_get_row(p->x, i, cpu_row(p->y, i));
        return;
    }
    if (p->x.type == DTYPE_BF16) {
        const struct tensor both[2] = {p->y, p->x};
        cpu_widen(c, both, first, n);
        return;
    }
    for (int64_t i = first; i < first + n; i++)
        memcpy(cpu_row(p->y, i), cpu_row(p->x, i), (size_t)p->y.cols * sizeof(float));
}

void cpu_copy(struct backend *b, struct tensor y, struct tensor x)
{
    const struct pair p = {y, x, 0};
    cpu_rows(cpu_of(b), y.rows, y.cols, copy_rows, &p);
}

static void zero_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct pair *p = context;
    (void)c;
    for (int64_t i = first; i < first + n; i++)
        memset(cpu_row(p->y, i), 0, (size_t)p->y.cols * sizeof(float));
}

/* A single long row is seen as many blocks, so that all threads share it. */
static struct tensor in_blocks(struct tensor t, struct tensor *rest)
{
    const int64_t whole = t.cols / BLOCK;
    *rest = TENSOR_ABSENT;
    if (t.rows != 1 || whole == 0)
        return t;
    *rest = tensor_cols(t, whole * BLOCK, t.cols - whole * BLOCK);
    t = tensor_cols(t, 0, whole * BLOCK);
    t.stride = t.cols;
    return tensor_reshape(t, whole, BLOCK);
}

void cpu_zero(struct backend *b, struct tensor y)
{
    struct tensor rest;
    struct pair p = {in_blocks(y, &rest), TENSOR_ABSENT, 0};
    cpu_rows(cpu_of(b), p.y.rows, p.y.cols, zero_rows, &p);
    if (tensor_present(rest))
        memset(rest.data, 0, (size_t)rest.cols * sizeof(float));
}

static void multiply_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct pair *p = context;
    (void)c;
    for (int64_t i = first; i < first + n; i++) {
        float *y = cpu_row(p->y, i);
        const float *x = cpu_row(p->x, i);
        for (int64_t j = 0; j < p->y.cols; j++)
            y[j] *= x[j];
    }
}

void cpu_multiply(struct backend *b, struct tensor y, struct tensor x)
{
    struct tensor rest[2];
    const struct pair p = {in_blocks(y, &rest[0]), in_blocks(x, &rest[1]), 0};
    const struct pair end = {rest[0], rest[1], 0};
    cpu_rows(cpu_of(b), p.y.rows, p.y.cols, multiply_rows, &p);
    if (tensor_present(rest[0]))
        multiply_rows(cpu_of(b), &end, 0, 1);
}

static void scale_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct pair *p = context;
    for (int64_t i = first; i < first + n; i++)
        c->k->scale(cpu_row(p->y, i), p->factor, (size_t)p->y.cols);
}

void cpu_scale(struct backend *b, struct tensor y, double factor)
{
    struct tensor rest;
    struct pair p = {in_blocks(y, &rest), TENSOR_ABSENT, (float)factor};
    struct cpu *c = cpu_of(b);
    cpu_rows(c, p.y.rows, p.y.cols, scale_rows, &p);
    if (tensor_present(rest))
        c->k->scale(rest.data, p.factor, (size_t)rest.cols);
}

static void bias_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct pair *p = context;
    for (int64_t i = first; i < first + n; i++)
        c->k->add(cpu_row(p->y, i), p->x.data, (size_t)p->y.cols);
}

void cpu_add_bias(struct backend *b, struct tensor y, struct tensor bias)
{
    const struct pair p = {y, bias, 0};
    cpu_rows(cpu_of(b), y.rows, y.cols, bias_rows, &p);
}

/* Column sums: each task owns some columns and walks down the rows. */
static void bias_columns(void *context, size_t task, int worker)
{
    const struct pair *p = context;
    const int64_t first = (int64_t)task * COLUMNS, left = p->x.cols - first;
    const size_t n = (size_t)(left < COLUMNS ? left : COLUMNS);
    float *sum = cpu_row(p->y, 0) + first;
    (void)worker;
    for (int64_t i = 0; i < p->x.rows; i++) {
        const float *row = cpu_row(p->x, i) + first;
        for (size_t j = 0; j < n; j++)
            sum[j] += row[j];
    }
}

void cpu_bias_back(struct backend *b, struct tensor dbias, struct tensor dy)
{
    struct pair p = {dbias, dy, 0};
    pool_run(b->pool, (size_t)((dy.cols + COLUMNS - 1) / COLUMNS), bias_columns, &p);
}

struct squares {
    const struct kernels *k;
    struct tensor x;
};

static double squares_of(void *context, size_t task, int worker)
{
    const struct squares *s = context;
    const int64_t first = (int64_t)task * BLOCK, left = s->x.cols - first;
    (void)worker;
    return s->k->sum_squares(cpu_row(s->x, 0) + first, (size_t)(left < BLOCK ? left : BLOCK));
}

double cpu_sum_squares(struct backend *b, struct tensor x)
{
    double sum = 0;
    for (int64_t i = 0; i < x.rows; i++) {
        struct squares s = {cpu_of(b)->k, tensor_rows(x, i, 1)};
        sum += pool_sum(b->pool, (size_t)((x.cols + BLOCK - 1) / BLOCK), squares_of, &s);
    }
    return sum;
}

struct indexed {
    struct tensor table, x;
    const int32_t *rows;
    bool accumulate;
};

static void gather_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct indexed *p = context;
    const size_t width = (size_t)p->x.cols;
    for (int64_t i = first; i < first + n; i++) {
        const int64_t row = p->rows[i];
        if (p->table.type == DTYPE_BF16)
            c->k->from_bf16(cpu_row(p->x, i),
                            (const uint16_t *)p->table.data + row * p->table.stride, width);
        else
            memcpy(cpu_row(p->x, i), cpu_row(p->table, row), width * sizeof(float));
    }
}

void cpu_gather(struct backend *b, struct tensor y, struct tensor table, struct tensor rows)
{
    const struct indexed p = {table, y, cpu_ints(rows), false};
    cpu_rows(cpu_of(b), y.rows, y.cols, gather_rows, &p);
}

/* A row may be hit several times: each task owns columns, so that additions keep their order. */
static void scatter_columns(void *context, size_t task, int worker)
{
    const struct indexed *p = context;
    const int64_t first = (int64_t)task * COLUMNS, left = p->x.cols - first;
    const int64_t n = left < COLUMNS ? left : COLUMNS;
    (void)worker;
    for (int64_t i = 0; i < p->x.rows; i++) {
        const float *from = cpu_row(p->x, i) + first;
        float *to = cpu_row(p->table, p->rows[i]) + first;
        for (int64_t j = 0; j < n; j++)
            to[j] = p->accumulate ? to[j] + from[j] : from[j];
    }
}

void cpu_scatter(struct backend *b, struct tensor table, struct tensor x, struct tensor rows,
                 bool accumulate)
{
    struct indexed p = {table, x, cpu_ints(rows), accumulate};
    pool_run(b->pool, (size_t)((x.cols + COLUMNS - 1) / COLUMNS), scatter_columns, &p);
}

struct update {
    const struct kernels *k;
    struct tensor p, g, m, v;
    int64_t decayed;
    struct kernel_adamw how, plain; /* with decay and without */
};

static void update_run(const struct update *u, int64_t first, int64_t n,
                       const struct kernel_adamw *how)
{
    if (n > 0)
        u->k->adamw(cpu_row(u->p, 0) + first, cpu_row(u->g, 0) + first, cpu_row(u->m, 0) + first,
                    cpu_row(u->v, 0) + first, (size_t)n, how);
}

static void update_block(void *context, size_t task, int worker)
{
    const struct update *u = context;
    const int64_t first = (int64_t)task * BLOCK;
    const int64_t end = u->p.cols - first < BLOCK ? u->p.cols : first + BLOCK;
    const int64_t turn = u->decayed < first ? first : u->decayed > end ? end : u->decayed;
    (void)worker;
    update_run(u, first, turn - first, &u->how);
    update_run(u, turn, end - turn, &u->plain);
}

void cpu_adamw(struct backend *b, struct tensor p, struct tensor g, struct tensor m,
               struct tensor v, const struct adamw *how)
{
    struct update u = {.k = cpu_of(b)->k, .p = p, .g = g, .m = m, .v = v};
    u.decayed = how->decayed;
    u.how = (struct kernel_adamw){
        .decay = (float)(1 - how->rate * how->decay),
        .beta1 = (float)how->beta1,
        .beta2 = (float)how->beta2,
        .rest1 = (float)(1 - how->beta1),
        .rest2 = (float)(1 - how->beta2),
        .scale = (float)how->grad_scale,
        .rate = (float)how->rate,
        .first = (float)(1 / (1 - pow(how->beta1, (double)how->step))),
        .second = (float)(1 / (1 - pow(how->beta2, (double)how->step))),
        .epsilon = (float)how->epsilon,
    };
    u.plain = u.how;
    u.plain.decay = 1;
    pool_run(b->pool, (size_t)((p.cols + BLOCK - 1) / BLOCK), update_block, &u);
}
