#include "model/gemm.h"

#include "core/clock.h"

#include <cblas.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Tiles: large, because OpenBLAS packs both operands anew for each (at 256 x 384 that costs 7 % of
 * a training step), and an even number of columns of them, for an even number of threads. */
enum { TILE_M = 512, TILE_N = 384 };

static atomic_llong spent_ns;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void single_threaded(void)
{
    openblas_set_num_threads(1);
}

static void multiply(const struct gemm *g)
{
    cblas_sgemm(CblasRowMajor, g->ta ? CblasTrans : CblasNoTrans, g->tb ? CblasTrans : CblasNoTrans,
                (blasint)g->m, (blasint)g->n, (blasint)g->k, g->alpha, g->a, (blasint)g->lda, g->b,
                (blasint)g->ldb, g->beta, g->c, (blasint)g->ldc);
}

void gemm_one(const struct gemm *g)
{
    const int64_t start = clock_ns();
    pthread_once(&once, single_threaded);
    multiply(g);
    atomic_fetch_add_explicit(&spent_ns, clock_ns() - start, memory_order_relaxed);
}

/* A cut of `size` into runs of multiples of 16. */
struct cut {
    int64_t step, count;
};

static struct cut cut_into(int64_t size, int64_t count)
{
    const int64_t step = ((size + count - 1) / count + 15) / 16 * 16;
    return (struct cut){step, (size + step - 1) / step};
}

static struct cut cut_rows(int64_t size)
{
    return cut_into(size, (size + TILE_M - 1) / TILE_M);
}

static struct cut cut_columns(int64_t size)
{
    return cut_into(size, size <= TILE_N / 2 ? 1 : 2 * ((size + 2 * TILE_N - 1) / (2 * TILE_N)));
}

struct tiles {
    const struct gemm *g;
    struct cut rows, cols;
};

static void tile(void *context, size_t task, int worker)
{
    const struct tiles *t = context;
    const int64_t i = (int64_t)task % t->rows.count, j = (int64_t)task / t->rows.count;
    const int64_t row = i * t->rows.step, col = j * t->cols.step;
    struct gemm g = *t->g;
    (void)worker;
    g.m = g.m - row < t->rows.step ? g.m - row : t->rows.step;
    g.n = g.n - col < t->cols.step ? g.n - col : t->cols.step;
    g.a += g.ta ? row : row * g.lda;
    g.b += g.tb ? col * g.ldb : col;
    g.c += row * g.ldc + col;
    gemm_one(&g);
}

void gemm_run(struct pool *pool, const struct gemm *g)
{
    struct tiles t;
    if (g->m == 0 || g->n == 0)
        return;
    t = (struct tiles){g, cut_rows(g->m), cut_columns(g->n)};
    pool_run(pool, (size_t)(t.rows.count * t.cols.count), tile, &t);
}

double gemm_seconds(void)
{
    return (double)atomic_load(&spent_ns) * 1e-9;
}

const char *gemm_library(void)
{
    static char text[128];
    const char *config = openblas_get_config();
    const size_t n = strcspn(config + (strncmp(config, "OpenBLAS ", 9) == 0 ? 9 : 0), " ") + 9;
    (void)snprintf(text, sizeof text, "%.*s %s", (int)n, config, openblas_get_corename());
    return text;
}
