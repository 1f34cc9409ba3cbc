/*
 * Products with few rows: tiles of R rows of x by C rows of w, LANES along k.  The tail of k is
 * added one by one, so that the order of additions does not depend on R or C.  A part of
 * kernels_body.h.
 */
#include <stdbool.h>

/* FEW_SIDE by FEW_SIDE sums stay in registers.  Of one row, so many columns at once. */
#define ROW_SIDE (FEW_SIDE * FEW_SIDE)

typedef uint16_t halves __attribute__((vector_size(LANES * 2), aligned(2), may_alias));
typedef uint32_t words __attribute__((vector_size(LANES * 4)));

ALWAYS void weights_at(const struct kernel_few *f, size_t at, bool half, lanes *out)
{
    if (half) {
        const words w =
            __builtin_convertvector(*(const halves *)(const void *)((const uint16_t *)f->w + at),
                                    words)
            << 16;
        memcpy(out, &w, sizeof w);
    } else {
        *out = LOAD((const float *)f->w + at);
    }
}

/* One element: the n products that are left are added one by one.  One function for all tiles and
 * types, so that all do the same arithmetic. */
static __attribute__((noinline)) void few_put(const struct kernel_few *f, float *out, float total,
                                              const float *x, const float *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        total += x[i] * w[i];
    *out = f->alpha * total + (f->beta != 0 ? f->beta * *out : 0);
}

/* An element from its sums and the rest of k. */
static __attribute__((noinline)) void few_finish(const struct kernel_few *f, size_t row, size_t col,
                                                 const lanes *sum, bool half)
{
    const size_t whole = f->k / LANES * LANES, rest = f->k - whole, at = col * f->ldw + whole;
    float *out = f->y + row * f->ldy + col, wide[LANES];
    if (half)
        from_bf16(wide, (const uint16_t *)f->w + at, rest);
    few_put(f, out, add_lanes(sum), f->x + row * f->ldx + whole,
            half ? wide : (const float *)f->w + at, rest);
}

#if FEW_SIDE == 4
#ifdef __clang__
#define CHOOSE16(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define CHOOSE16(a, b, ...) __builtin_shuffle(a, b, (ilanes){__VA_ARGS__})
#endif

/* add_lanes of sixteen vectors at once, by the same additions: halves, quarters, pairs, ones. */
ALWAYS void add_sixteen(const lanes *sum, lanes *out)
{
    lanes h[8], q[4], p[2];
    for (size_t i = 0; i < 8; i++) {
        const lanes a = sum[2 * i], b = sum[2 * i + 1];
        h[i] = CHOOSE16(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
               CHOOSE16(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    }
    for (size_t i = 0; i < 4; i++) {
        const lanes a = h[2 * i], b = h[2 * i + 1];
        q[i] = CHOOSE16(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
               CHOOSE16(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    }
    for (size_t i = 0; i < 2; i++) {
        const lanes a = q[2 * i], b = q[2 * i + 1];
        p[i] = CHOOSE16(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
               CHOOSE16(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
    }
    *out = CHOOSE16(p[0], p[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
           CHOOSE16(p[0], p[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

/* Whole vectors of k and factors of 1 and 0 or 1, with which few_finish does the same to the bit. */
ALWAYS bool few_plain(const struct kernel_few *f)
{
    return f->k % LANES == 0 && f->alpha == 1 && (f->beta == 0 || f->beta == 1);
}

/* The R sums by C of a tile, R C = 16. */
ALWAYS void few_put16(const struct kernel_few *f, size_t row, size_t col, const lanes *sum,
                      size_t C)
{
    float *out = f->y + row * f->ldy + col, total[LANES];
    lanes all;
    add_sixteen(sum, &all);
    memcpy(total, &all, sizeof total);
    for (size_t r = 0; r < LANES / C; r++)
        for (size_t c = 0; c < C; c++)
            out[r * f->ldy + c] = total[C * r + c] + (f->beta != 0 ? out[r * f->ldy + c] : 0);
}
#endif

/* Fetch what stands there in the next C rows of w: rows of BF16 are so short that the processor
 * itself does not see where they lead. */
ALWAYS void few_ahead(const struct kernel_few *f, size_t at, size_t C)
{
    for (size_t c = 0; c < C; c++)
        __builtin_prefetch((const uint16_t *)f->w + at + (C + c) * f->ldw);
}

/* y[row..row+R)[col..col+C).  R and C are constants at each call. */
ALWAYS void few_tile(const struct kernel_few *f, size_t row, size_t col, size_t R, size_t C,
                     bool half)
{
    const float *x = f->x + row * f->ldx;
    lanes sum[ROW_SIDE], b[ROW_SIDE];
    memset(sum, 0, R * C * sizeof *sum);
    for (size_t i = 0; i + LANES <= f->k; i += LANES) {
        if (half && row == 0)
            few_ahead(f, col * f->ldw + i, C);
        for (size_t c = 0; c < C; c++)
            weights_at(f, (col + c) * f->ldw + i, half, &b[c]);
        for (size_t r = 0; r < R; r++) {
            const lanes a = LOAD(x + r * f->ldx + i);
            for (size_t c = 0; c < C; c++)
                sum[r * C + c] += a * b[c];
        }
    }
#if FEW_SIDE == 4
    if (R * C == 16 && few_plain(f)) {
        few_put16(f, row, col, sum, C);
        return;
    }
#endif
    for (size_t r = 0; r < R; r++) {
        for (size_t c = 0; c < C; c++)
            few_finish(f, row + r, col + c, &sum[r * C + c], half);
    }
}

/* All rows of x against rows [first, end) of w. */
ALWAYS void few(const struct kernel_few *f, size_t first, size_t end, bool half)
{
    size_t col = first;
    if (f->rows == 1) /* a generated token */
        for (; col + ROW_SIDE <= end; col += ROW_SIDE)
            few_tile(f, 0, col, 1, ROW_SIDE, half);
    while (col < end) {
        const bool wide = col + FEW_SIDE <= end;
        size_t row = 0;
        for (; row + FEW_SIDE <= f->rows && wide; row += FEW_SIDE)
            few_tile(f, row, col, FEW_SIDE, FEW_SIDE, half);
        for (; row < f->rows; row++) {
            if (wide)
                few_tile(f, row, col, 1, FEW_SIDE, half);
            else
                few_tile(f, row, col, 1, 1, half);
        }
        col += wide ? FEW_SIDE : 1;
    }
}

static void few_rows(const struct kernel_few *f, size_t first, size_t n)
{
    few(f, first, first + n, false);
}

static void few_rows_bf16(const struct kernel_few *f, size_t first, size_t n)
{
    few(f, first, first + n, true);
}

/* One row by W vectors of columns. */
ALWAYS void weigh_tile(const struct kernel_few *f, size_t row, size_t col, size_t W)
{
    const float *x = f->x + row * f->ldx, *w = (const float *)f->w + col;
    lanes sum[4];
    memset(sum, 0, W * sizeof *sum);
    for (size_t i = 0; i < f->k; i++)
        for (size_t c = 0; c < W; c++)
            sum[c] += x[i] * LOAD(w + i * f->ldw + c * LANES);
    memcpy(f->y + row * f->ldy + col, sum, W * sizeof *sum);
}

/* The last n < LANES columns of a row. */
ALWAYS void weigh_part(const struct kernel_few *f, size_t row, size_t col, size_t n)
{
    const float *x = f->x + row * f->ldx, *w = (const float *)f->w + col;
    lanes sum = {0}, v;
    for (size_t i = 0; i < f->k; i++) {
        load_part(&v, w + i * f->ldw, n);
        sum += x[i] * v;
    }
    store_part(f->y + row * f->ldy + col, &sum, n);
}

static void weigh_rows(const struct kernel_few *f, size_t n)
{
    for (size_t row = 0; row < f->rows; row++) {
        size_t col = 0;
        for (; col + 4 * LANES <= n; col += 4 * LANES)
            weigh_tile(f, row, col, 4);
        for (; col + 2 * LANES <= n; col += 2 * LANES)
            weigh_tile(f, row, col, 2);
        for (; col + LANES <= n; col += LANES)
            weigh_tile(f, row, col, 1);
        if (col < n)
            weigh_part(f, row, col, n - col);
    }
}
