/* cpu: products with matrices of 8-bit integers (model/int8.h). */
#include "model/cpu/cpu.h"

#include "model/int8.h"

#include <assert.h>
#include <string.h>

/* Rows of w a task multiplies, and rows of x it keeps near. */
enum { COLUMNS = 128, ROWS = 64, DEQUANTISED = 1 << 20 };

/* The rows of x in 8 bits: scale, sum and numbers of each. */
struct rounded {
    const struct matmul *p;
    const struct int8_kernels *k;
    int8_t *q;
    int32_t *sums;
    float *scales;
    size_t ld; /* bytes a row, a multiple of INT8_PAD, zeros behind its numbers */
};

static void round_rows(struct cpu *c, const void *context, int64_t first, int64_t n)
{
    const struct rounded *r = context;
    const size_t width = (size_t)r->p->a.cols;
    (void)c;
    for (int64_t i = first; i < first + n; i++) {
        int8_t *q = r->q + (size_t)i * r->ld;
        int32_t sum = 0;
        r->scales[i] = r->k->round(q, cpu_row(r->p->a, i), width);
        memset(q + width, 0, r->ld - width);
        for (size_t k = 0; k < width; k++)
            sum += q[k];
        r->sums[i] = sum;
    }
}

/* y = scale_x scale dot + beta y of one row; scale: alpha scale_w of each column. */
static void put_row(float *y, const int32_t *dots, const float *scale, float factor, float beta,
                    int64_t cols)
{
    if (beta == 0)
        for (int64_t j = 0; j < cols; j++)
            y[j] = factor * scale[j] * (float)dots[j];
    else
        for (int64_t j = 0; j < cols; j++)
            y[j] = factor * scale[j] * (float)dots[j] + beta * y[j];
}

static void multiply(void *context, size_t task, int worker)
{
    const struct rounded *r = context;
    const struct matmul *p = r->p;
    const int64_t blocks = (p->c.cols + COLUMNS - 1) / COLUMNS;
    const int64_t col = (int64_t)task % blocks * COLUMNS, top = (int64_t)task / blocks * ROWS;
    const int64_t cols = p->c.cols - col < COLUMNS ? p->c.cols - col : COLUMNS;
    const int64_t end = p->c.rows - top < ROWS ? p->c.rows : top + ROWS;
    int32_t dots[INT8_ROWS * COLUMNS];
    float scale[COLUMNS];
    (void)worker;
    for (int64_t j = 0; j < cols; j++)
        scale[j] = (float)p->alpha * int8_scale(p->b, col + j);
    for (int64_t row = top; row < end; row += INT8_ROWS) {
        const int64_t rows = end - row < INT8_ROWS ? end - row : INT8_ROWS;
        const struct int8_dots d = {.x = r->q + (size_t)row * r->ld,
                                    .w = int8_row(p->b, col),
                                    .sums = r->sums + row,
                                    .out = dots,
                                    .rows = (size_t)rows,
                                    .n = (size_t)cols,
                                    .k = r->ld,
                                    .ldx = r->ld,
                                    .ldw = (size_t)p->b.stride};
        r->k->dots(&d);
        for (int64_t i = 0; i < rows; i++)
            put_row(cpu_row(p->c, row + i) + col, dots + i * cols, scale, r->scales[row + i],
                    (float)p->beta, cols);
    }
}

/* Without rounding x: some rows of b at a time become floats.  The gradient of x goes here. */
static void dequantised(struct backend *b, const struct matmul *p)
{
    const int64_t step = p->b.cols >= DEQUANTISED ? 1 : DEQUANTISED / p->b.cols;
    const int64_t most = step < p->b.rows ? step : p->b.rows;
    float *space = cpu_shared(cpu_of(b), (size_t)(most * p->b.cols));
    for (int64_t first = 0; first < p->b.rows; first += step) {
        const int64_t n = p->b.rows - first < step ? p->b.rows - first : step;
        struct matmul part = *p;
        part.b = tensor_of(space, DTYPE_F32, n, p->b.cols);
        for (int64_t i = 0; i < n; i++)
            int8_get_row(p->b, first + i, cpu_row(part.b, i));
        part.a = tensor_cols(p->a, first, n);
        part.beta = first == 0 ? p->beta : 1;
        cpu_matmul(b, &part);
    }
}

void cpu_int8_matmul(struct backend *b, const struct matmul *p)
{
    struct cpu *c = cpu_of(b);
    const size_t rows = (size_t)p->c.rows;
    struct rounded r = {.p = p, .k = c->int8};
    char *space;
    if (!p->tb) {
        dequantised(b, p);
        return;
    }
    assert(!p->ta && p->a.type == DTYPE_F32 && p->c.type == DTYPE_F32);
    r.ld = ((size_t)p->a.cols + INT8_PAD - 1) / INT8_PAD * INT8_PAD;
    space = (char *)cpu_shared(c, (rows * (r.ld + 8) + 3) / 4);
    r.scales = (float *)(void *)space;
    r.sums = (int32_t *)(void *)(space + 4 * rows);
    r.q = (int8_t *)(space + 8 * rows);
    cpu_rows(c, p->a.rows, p->a.cols, round_rows, &r);
    pool_run(b->pool, (size_t)((p->c.cols + COLUMNS - 1) / COLUMNS) * ((rows + ROWS - 1) / ROWS),
             multiply, &r);
}
