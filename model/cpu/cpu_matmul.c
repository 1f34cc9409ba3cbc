/* cpu: matrix products.  Those of few rows or few columns run in loops of their own, the others in
 * tiles (model/gemm.h). */
#include "model/cpu/cpu.h"

#include "model/gemm.h"

#include <assert.h>

/* Rows of x up to which a product with a transposed matrix runs in our own loops: there a row's
 * bits do not depend on the others, and one row of a generated text costs one reading of w. */
enum { FEW = 64, FEW_WORK = 131072, FEW_PRODUCTS = 262144, HALF_ELEMENTS = 4 << 20 };

struct few {
    const struct kernels *k;
    struct kernel_few f;
    size_t cols, step;
    bool half;
};

static void few_columns(const struct few *t, const struct kernel_few *f, size_t first, size_t n)
{
    if (t->half)
        t->k->few_rows_bf16(f, first, n);
    else
        t->k->few_rows(f, first, n);
}

static void few_task(void *context, size_t task, int worker)
{
    const struct few *t = context;
    const size_t first = task * t->step, left = t->cols - first;
    (void)worker;
    few_columns(t, &t->f, first, left < t->step ? left : t->step);
}

/* Columns of a task: so many weights, and so many products; all tasks but the last alike. */
static size_t few_step(size_t k, size_t rows, size_t cols)
{
    const size_t weights = FEW_WORK / k, products = FEW_PRODUCTS / (k * rows);
    const size_t most = weights < products ? weights : products;
    const size_t step = most < 16 ? 16 : most > 512 ? 512 : most;
    const size_t tasks = (cols + step - 1) / step, share = (cols + tasks - 1) / tasks;
    return (share + 15) / 16 * 16;
}

static struct few few_of(struct backend *b, const struct matmul *p)
{
    struct few t = {.k = cpu_of(b)->k, .cols = (size_t)p->c.cols, .half = p->b.type == DTYPE_BF16};
    t.f = (struct kernel_few){.x = p->a.data,
                              .w = p->b.data,
                              .y = p->c.data,
                              .rows = (size_t)p->c.rows,
                              .k = (size_t)p->a.cols,
                              .ldx = (size_t)p->a.stride,
                              .ldw = (size_t)p->b.stride,
                              .ldy = (size_t)p->c.stride,
                              .alpha = (float)p->alpha,
                              .beta = (float)p->beta};
    return t;
}

static void few_rows(struct backend *b, const struct matmul *p)
{
    struct few t = few_of(b, p);
    t.step = few_step(t.f.k > 0 ? t.f.k : 1, t.f.rows > 0 ? t.f.rows : 1, t.cols);
    pool_run(b->pool, (t.cols + t.step - 1) / t.step, few_task, &t);
}

/* Products with few columns and many rows: the inner values of adapters and their gradients.  No
 * operand is packed, which would cost as much as the product; a task has some of the rows. */
enum { NARROW = 32, NARROW_ROWS = 16 };

static void narrow_task(void *context, size_t task, int worker)
{
    const struct few *t = context;
    const size_t first = task * t->step, left = t->f.rows - first;
    struct kernel_few f = t->f;
    (void)worker;
    f.x += first * f.ldx;
    f.y += first * f.ldy;
    f.rows = left < t->step ? left : t->step;
    few_columns(t, &f, 0, t->cols);
}

/* b [k, n] turned round, in shared memory. */
static struct tensor turned(struct cpu *c, struct tensor b)
{
    float *to = cpu_shared(c, (size_t)tensor_count(b));
    for (int64_t k = 0; k < b.rows; k++) {
        const float *from = cpu_row(b, k);
        for (int64_t n = 0; n < b.cols; n++)
            to[n * b.rows + k] = from[n];
    }
    return tensor_of(to, DTYPE_F32, b.cols, b.rows);
}

static void narrow(struct backend *b, const struct matmul *p)
{
    struct matmul q = *p;
    struct few t;
    if (!p->tb)
        q.b = turned(cpu_of(b), p->b);
    t = few_of(b, &q);
    t.step = NARROW_ROWS;
    pool_run(b->pool, (t.f.rows + t.step - 1) / t.step, narrow_task, &t);
}

/* b as BF16 where OpenBLAS multiplies: some of its rows at a time are made float. */
static void half_matmul(struct backend *b, const struct matmul *p)
{
    struct cpu *c = cpu_of(b);
    const int64_t step = p->b.cols >= HALF_ELEMENTS ? 1 : HALF_ELEMENTS / p->b.cols;
    float *space = cpu_shared(c, (size_t)((step < p->b.rows ? step : p->b.rows) * p->b.cols));
    for (int64_t first = 0; first < p->b.rows; first += step) {
        const int64_t n = p->b.rows - first < step ? p->b.rows - first : step;
        const struct tensor both[2] = {tensor_of(space, DTYPE_F32, n, p->b.cols),
                                       tensor_rows(p->b, first, n)};
        struct matmul part = *p;
        cpu_rows(c, n, p->b.cols, cpu_widen, both);
        part.b = both[0];
        if (p->tb) {
            part.c = tensor_cols(p->c, first, n);
        } else {
            part.a = tensor_cols(p->a, first, n);
            part.beta = first == 0 ? p->beta : 1;
        }
        cpu_matmul(b, &part);
    }
}

void cpu_matmul(struct backend *b, const struct matmul *p)
{
    struct gemm g = {.m = p->c.rows, .n = p->c.cols, .k = p->ta ? p->a.rows : p->a.cols};
    if (p->b.type == DTYPE_I8) {
        cpu_int8_matmul(b, p);
        return;
    }
    if (p->c.rows <= FEW && !p->ta && p->tb && !p->half) {
        few_rows(b, p);
        return;
    }
    if (p->c.cols <= NARROW && !p->ta && !p->half && (p->tb || p->b.type == DTYPE_F32)) {
        narrow(b, p);
        return;
    }
    g.b_half = p->b.type == DTYPE_BF16;
    g.half = p->half;
    if (g.b_half && !g.half && !gemm_converts()) {
        half_matmul(b, p);
        return;
    }
    assert(p->c.type == DTYPE_F32 && p->a.type == DTYPE_F32);
    assert(g.b_half || p->b.type == DTYPE_F32);
    g.ta = p->ta;
    g.tb = p->tb;
    g.a = p->a.data;
    g.b = p->b.data;
    g.c = p->c.data;
    g.lda = p->a.stride;
    g.ldb = p->b.stride;
    g.ldc = p->c.stride;
    g.alpha = (float)p->alpha;
    g.beta = (float)p->beta;
    gemm_run(b->pool, &g);
}
