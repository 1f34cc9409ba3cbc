#include "model/gemm.h"

#include "core/clock.h"
#include "core/mem.h"
#include "model/blas.h"
#include "model/cpu/cpu_memory.h"
#include "model/kernels/amx.h"
#include "model/kernels/micro.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tiles: an even number of columns of them, for an even number of threads; very wide products have
 * wider ones.  There are MANY columns unless they were below NARROW: these cost little, since nothing
 * is packed twice for them.  Where they are fewer than FEWEST, rows are cut too, to no less than
 * LEAST. */
enum { TILE_M = 1024, TILE_N = 384, WIDE_N = 768, WIDE = 8 * WIDE_N };
enum { MANY = 16, NARROW = 96, FEWEST = 12, LEAST = 80 };

/* Words of the packed strips of a thread: a block of a, and all of a tile's b.  Where several
 * columns of tiles share rows of a, these are packed once for all: at most SHARED words of them,
 * or one cut of one row of tiles; a task packs SHARE strips. */
enum {
    A_WORDS = 528 * 640,
    B_WORDS = (WIDE_N + 64) * 640,
    SHARED = 1 << 20,
    SHARE = 5,
    TOGETHER = 4
};

static atomic_llong spent_ns;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct {
    const struct micro *full, *half;
    bool blas; /* floats through OpenBLAS */
    char name[160];
    pthread_key_t room; /* of each thread: its packed strips */
} chosen;

struct room {
    uint32_t *words, *shared;
    int64_t shared_words;
};

static void free_room(void *memory)
{
    struct room *room = memory;
    cpu_memory_free(room->words);
    cpu_memory_free(room->shared);
    mem_free(room);
}

static void choose(void)
{
    const char *wanted = getenv("RETORT_GEMM");
    chosen.full = micro_best(false);
    chosen.half = micro_best(true);
    if (wanted != NULL && strcmp(wanted, "openblas") == 0)
        chosen.blas = blas_present();
    else if (wanted == NULL || strcmp(wanted, "own") != 0)
        chosen.blas = chosen.full == &micro_generic && blas_present();
    if (chosen.blas)
        (void)snprintf(chosen.name, sizeof chosen.name, "%s", blas_name());
    else
        (void)snprintf(chosen.name, sizeof chosen.name, "own %s", chosen.full->name);
    if (pthread_key_create(&chosen.room, free_room) != 0)
        abort();
}

static uint32_t *new_words(int64_t words)
{
    const size_t bytes = (size_t)words * sizeof(uint32_t);
    struct error error;
    uint32_t *memory = cpu_memory_new(bytes, "packed strips", &error);
    if (memory == NULL)
        (void)mem_alloc(bytes); /* says so and ends */
    return memory;
}

/* The calling thread's: made once, freed when the thread ends. */
static struct room *own_room(void)
{
    struct room *room = pthread_getspecific(chosen.room);
    if (room != NULL)
        return room;
    room = mem_zero(1, sizeof *room);
    room->words = new_words(A_WORDS + B_WORDS);
    (void)pthread_setspecific(chosen.room, room);
    return room;
}

static uint32_t *shared_words(int64_t words)
{
    struct room *room = own_room();
    if (room->shared_words < words) {
        cpu_memory_free(room->shared);
        room->shared = new_words(words);
        room->shared_words = words;
    }
    return room->shared;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* `size` cut into `count` runs of a multiple of `unit`, or fewer. */
struct cut {
    int64_t step, count;
};

static struct cut cut_into(int64_t size, int64_t count, int64_t unit)
{
    const int64_t most = count < 1 ? 1 : count;
    const int64_t step = (size + most * unit - 1) / (most * unit) * unit;
    return (struct cut){step < unit ? unit : step, step == 0 ? 1 : (size + step - 1) / step};
}

/* A product, or a tile of one, and how it is cut further: along k, and into blocks of rows whose
 * strips are packed together. */
struct job {
    struct gemm g;
    const struct micro *micro;
    struct cut depth, block;
    int64_t first, end;    /* of the cuts along k, those to be made now */
    int64_t strips, words; /* of a: strips of all rows, words of a strip of one cut */
    uint32_t *packed;      /* a of those cuts; NULL: each block is packed when it is needed */
};

static struct job job_of(const struct gemm *g)
{
    struct job j = {.g = *g, .micro = g->half ? chosen.half : chosen.full};
    const int64_t depth = j.micro->depth, rows = j.micro->rows, most = j.micro->block_rows;
    j.depth = cut_into(g->k, (g->k + depth - 1) / depth, j.micro->unit > 16 ? j.micro->unit : 16);
    j.block = cut_into(g->m, (g->m + most - 1) / most, rows);
    j.end = j.depth.count;
    j.strips = (g->m + rows - 1) / rows;
    j.words = rows * (g->half ? j.depth.step / 2 : j.depth.step);
    return j;
}

/* One cut along k of a job: numbers [p, p + n). */
struct slice {
    const struct job *j;
    int64_t p, n, words; /* words: of one lane */
};

static struct slice slice_of_job(const struct job *j, int64_t cut)
{
    struct slice s = {.j = j, .p = cut * j->depth.step};
    s.n = least(j->depth.step, j->g.k - s.p);
    s.words = (s.n + j->micro->unit - 1) / j->micro->unit * j->micro->unit / (j->g.half ? 2 : 1);
    return s;
}

/* In the packed a: slices behind each other, in each the strips. */
static uint32_t *packed_rows(const struct slice *s, int64_t row)
{
    const struct job *j = s->j;
    const int64_t before = s->p / j->depth.step - j->first;
    return j->packed + before * j->words * j->strips + row * s->words;
}

static void pack_a(const struct slice *s, int64_t row, int64_t rows, uint32_t *to)
{
    const struct gemm *g = &s->j->g;
    const struct micro_source from = {.data = g->a +
                                              (g->ta ? s->p * g->lda + row : row * g->lda + s->p),
                                      .stride = g->lda,
                                      .lanes = rows,
                                      .depth = s->n,
                                      .along = !g->ta};
    s->j->micro->pack_a(to, &from);
}

static const void *at_b(const struct gemm *g, int64_t at)
{
    return g->b_half ? (const void *)((const uint16_t *)g->b + at)
                     : (const void *)((const float *)g->b + at);
}

static void pack_b(const struct slice *s, int64_t col, int64_t cols, uint32_t *to)
{
    const struct gemm *g = &s->j->g;
    const struct micro_source from = {.data = at_b(g, g->tb ? col * g->ldb + s->p
                                                            : s->p * g->ldb + col),
                                      .stride = g->ldb,
                                      .lanes = cols,
                                      .depth = s->n,
                                      .along = g->tb,
                                      .half = g->b_half};
    s->j->micro->pack_b(to, &from);
}

/* Rows of a as tiles read them: row r of them at `at` + r * lane, number p of it `step` further. */
struct left {
    const uint32_t *at;
    int64_t lane, step;
};

/* Rows [row, row + rows).  Where one strip of columns uses them once they are read where they
 * stand, if they stand beside each other; else they are packed. */
static struct left left_of(const struct slice *s, int64_t row, int64_t rows, struct room *room)
{
    const struct gemm *g = &s->j->g;
    const struct micro *micro = s->j->micro;
    if (g->ta && !g->half && g->n <= micro->cols)
        return (struct left){(const void *)(g->a + s->p * g->lda + row), 1, g->lda};
    if (s->j->packed != NULL)
        return (struct left){packed_rows(s, row), s->words, micro->rows};
    pack_a(s, row, rows, room->words);
    return (struct left){room->words, s->words, micro->rows};
}

/* Rows against one strip of columns, at `col`; c points at their corner. */
static void multiply_strip(const struct slice *s, const struct left *a, int64_t rows,
                           const uint32_t *b, int64_t col, float *c)
{
    const struct gemm *g = &s->j->g;
    const struct micro *micro = s->j->micro;
    struct micro_tile t = {.ldc = g->ldc,
                           .cols = least(micro->cols, g->n - col),
                           .depth = s->n,
                           .alpha = g->alpha,
                           .beta = s->p == 0 ? g->beta : 1,
                           .step = a->step};
    for (int64_t row = 0; row < rows; row += micro->rows) {
        t.c = c + row * g->ldc;
        t.rows = least(micro->rows, rows - row);
        micro->multiply(a->at + row * a->lane, b, &t);
    }
}

/* Rows [row, row + rows) against all columns.  Strips of b are packed when the first rows need them,
 * several at once where memory holds their columns side by side; they are kept when more rows
 * follow. */
static void multiply_block(const struct slice *s, int64_t row, int64_t rows, struct room *room)
{
    const struct gemm *g = &s->j->g;
    const int64_t step = s->j->micro->cols, group = g->tb ? step : TOGETHER * step;
    const bool kept = rows < g->m;
    const struct left a = left_of(s, row, rows, room);
    for (int64_t col = 0; col < g->n; col += step) {
        uint32_t *b = room->words + A_WORDS + (kept ? col : col % group) * s->words;
        if (row == 0 && col % group == 0)
            pack_b(s, col, least(group, g->n - col), b);
        multiply_strip(s, &a, rows, b, col, g->c + row * g->ldc + col);
    }
}

/* No wider than WIDE_N, which a thread's strips have room for. */
static void multiply_own(const struct job *j)
{
    struct room *room = own_room();
    if (j->micro->begin != NULL)
        j->micro->begin();
    for (int64_t cut = j->first; cut < j->end; cut++) {
        const struct slice s = slice_of_job(j, cut);
        for (int64_t row = 0; row < j->g.m; row += j->block.step)
            multiply_block(&s, row, least(j->block.step, j->g.m - row), room);
    }
    if (j->micro->end != NULL)
        j->micro->end();
}

void gemm_spend(int64_t start)
{
    atomic_fetch_add_explicit(&spent_ns, clock_ns() - start, memory_order_relaxed);
}

static bool through_blas(const struct gemm *g)
{
    return chosen.blas && !g->half && !g->b_half;
}

/* Rows of tiles [first, first + group) of a product, by columns of tiles. */
struct tiles {
    struct gemm g;
    struct cut rows, cols, share;
    int64_t first, group;
    uint32_t *packed; /* a of the group, one row of tiles behind the other; or NULL */
    int64_t words;    /* of it, one row of tiles */
    int64_t cut, end; /* then, cuts along k that are packed */
};

/* The job of one row of tiles. */
static struct job row_of(const struct tiles *t, int64_t row)
{
    struct gemm g = t->g;
    struct job j;
    const int64_t first = row * t->rows.step;
    g.m = least(g.m - first, t->rows.step);
    g.a += g.ta ? first : first * g.lda;
    g.c += first * g.ldc;
    j = job_of(&g);
    if (t->packed == NULL)
        return j;
    j.packed = t->packed + (row - t->first) * t->words;
    j.first = t->cut;
    j.end = t->end;
    return j;
}

static void multiply_tile(void *context, size_t task, int worker)
{
    const int64_t start = clock_ns();
    const struct tiles *t = context;
    const int64_t col = (int64_t)task / t->group * t->cols.step;
    struct job j = row_of(t, t->first + (int64_t)task % t->group);
    (void)worker;
    j.g.n = least(j.g.n - col, t->cols.step);
    j.g.b = at_b(&j.g, j.g.tb ? col * j.g.ldb : col);
    j.g.c += col;
    if (through_blas(&j.g))
        blas_multiply(&j.g);
    else
        multiply_own(&j);
    gemm_spend(start);
}

/* Some strips of one slice of a row of tiles. */
static void pack_share(void *context, size_t task, int worker)
{
    const int64_t start = clock_ns();
    const struct tiles *t = context;
    const int64_t part = (int64_t)task % t->share.count, rest = (int64_t)task / t->share.count;
    const struct job j = row_of(t, t->first + rest % t->group);
    const struct slice s = slice_of_job(&j, t->cut + rest / t->group);
    const int64_t row = part * t->share.step;
    (void)worker;
    if (row < j.g.m)
        pack_a(&s, row, least(t->share.step, j.g.m - row), packed_rows(&s, row));
    gemm_spend(start);
}

/* How a product is cut into tiles: by shape alone. */
static struct tiles tiles_of(const struct gemm *g)
{
    const int64_t wide = g->n >= WIDE ? WIDE_N : TILE_N;
    const int64_t many = least(MANY, g->n / NARROW);
    const int64_t pairs = larger((g->n + 2 * wide - 1) / (2 * wide), (many + 1) / 2);
    const int64_t columns = g->n <= LEAST ? 1 : 2 * pairs;
    const int64_t few = least((FEWEST + columns - 1) / columns, g->m / LEAST);
    const int64_t rows = (g->m + TILE_M - 1) / TILE_M;
    return (struct tiles){.g = *g,
                          .rows = cut_into(g->m, rows > few ? rows : few, 16),
                          .cols = cut_into(g->n, columns, 32)};
}

/* The group of rows of tiles at `first`, a packed once for all of their columns: as many rows as
 * there is room for, or of one row some cuts along k after the other. */
static void run_shared(struct pool *pool, struct tiles *t)
{
    const struct job j = row_of(t, t->first);
    const int64_t chunk = SHARE * j.micro->rows, cut = j.strips * j.words;
    const int64_t cuts = cut > SHARED ? 1 : least(j.depth.count, SHARED / cut);
    t->words = cuts * cut;
    t->group = cuts < j.depth.count ? 1 : least(t->rows.count - t->first, SHARED / t->words);
    t->packed = shared_words(t->group * t->words);
    t->share = (struct cut){chunk, (j.g.m + chunk - 1) / chunk};
    for (t->cut = 0; t->cut < j.depth.count; t->cut = t->end) {
        t->end = least(j.depth.count, t->cut + cuts);
        pool_run(pool, (size_t)(t->share.count * t->group * (t->end - t->cut)), pack_share, t);
        pool_run(pool, (size_t)(t->group * t->cols.count), multiply_tile, t);
    }
    t->packed = NULL;
}

void gemm_run(struct pool *pool, const struct gemm *g)
{
    struct tiles t;
    if (g->m == 0 || g->n == 0)
        return;
    pthread_once(&once, choose);
    t = tiles_of(g);
    if (t.cols.count > 1 && !through_blas(g)) {
        for (; t.first < t.rows.count; t.first += t.group)
            run_shared(pool, &t);
        return;
    }
    t.group = t.rows.count;
    pool_run(pool, (size_t)(t.group * t.cols.count), multiply_tile, &t);
}

void gemm_one(const struct gemm *g)
{
    struct tiles whole = {.g = *g, .rows = {g->m, 1}, .cols = {g->n, 1}, .group = 1};
    if (g->m == 0 || g->n == 0)
        return;
    pthread_once(&once, choose);
    if (g->m <= TILE_M && g->n <= WIDE_N)
        multiply_tile(&whole, 0, 0);
    else
        gemm_run(NULL, g);
}

double gemm_seconds(void)
{
    return (double)atomic_load(&spent_ns) * 1e-9;
}

const char *gemm_library(void)
{
    pthread_once(&once, choose);
    return chosen.name;
}

bool gemm_converts(void)
{
    pthread_once(&once, choose);
    return !chosen.blas;
}

const char *gemm_half_name(void)
{
    pthread_once(&once, choose);
    return micro_half_native() ? chosen.half->name : NULL;
}

const char *gemm_amx_state(void)
{
    pthread_once(&once, choose);
    return amx_state();
}
