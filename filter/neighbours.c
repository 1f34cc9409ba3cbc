#include "filter/neighbours.h"

#include "core/mem.h"
#include "model/gemm.h"

#include <string.h>

enum { WAVE = 32, RUN = 64 }; /* tiles at a time; products looked at together */

struct part {
    struct neighbour *found; /* [n, most] of one tile */
    int *count;
};

struct search {
    const struct neighbours *q;
    float *block;     /* [n, width] of q->rows */
    float **tiles;    /* one a worker: [TILE, width] */
    float **products; /* one a worker: [n, TILE] */
    struct part parts[WAVE];
    size_t first; /* tile of task 0 */
};

/* Nearest first; of equals the one met first stays first, and places are met in order. */
static void insert(struct neighbour *found, int *count, int most, struct neighbour one)
{
    int at = *count;
    if (at == most && !(one.product > found[most - 1].product))
        return;
    at = at < most ? (*count)++ : most - 1;
    for (; at > 0 && one.product > found[at - 1].product; at--)
        found[at] = found[at - 1];
    found[at] = one;
}

static bool run_has(const float *p, int n, float least)
{
    int any = 0;
    for (int i = 0; i < n; i++)
        any |= p[i] >= least;
    return any;
}

static void look(const struct search *s, const float *products, size_t from, size_t n,
                 struct part *out)
{
    const struct neighbours *q = s->q;
    for (size_t i = 0; i < q->n; i++) {
        const float *p = products + i * NEIGHBOURS_TILE;
        struct neighbour *found = out->found + i * (size_t)q->most;
        for (size_t k = 0; k < n; k += RUN) {
            const size_t to = k + RUN < n ? k + RUN : n;
            const float least = out->count[i] == q->most ? found[q->most - 1].product : q->least;
            if (!run_has(p + k, (int)(to - k), least))
                continue;
            for (size_t j = k; j < to; j++)
                if (p[j] >= q->least &&
                    (q->earlier ? from + j < i : q->among[from + j] != q->rows[i]))
                    insert(found, &out->count[i], q->most,
                           (struct neighbour){p[j], (uint32_t)(from + j)});
        }
    }
}

static void tile_task(void *context, size_t task, int worker)
{
    struct search *s = context;
    const struct neighbours *q = s->q;
    const size_t from = (s->first + task) * NEIGHBOURS_TILE, width = (size_t)q->e->width;
    const size_t n = q->n_among - from < NEIGHBOURS_TILE ? q->n_among - from : NEIGHBOURS_TILE;
    struct part *out = &s->parts[task];
    memset(out->count, 0, q->n * sizeof *out->count);
    for (size_t i = 0; i < n; i++)
        memcpy(s->tiles[worker] + i * width, embeddings_of(q->e, q->among[from + i]),
               width * sizeof(float));
    gemm_one(&(struct gemm){.m = (int64_t)q->n,
                            .n = (int64_t)n,
                            .k = (int64_t)width,
                            .a = s->block,
                            .b = s->tiles[worker],
                            .c = s->products[worker],
                            .lda = (int64_t)width,
                            .ldb = (int64_t)width,
                            .ldc = NEIGHBOURS_TILE,
                            .tb = true,
                            .alpha = 1});
    look(s, s->products[worker], from, n, out);
}

static void merge(const struct neighbours *q, const struct part *part, struct neighbour *found,
                  int *count)
{
    for (size_t i = 0; i < q->n; i++)
        for (int k = 0; k < part->count[i]; k++)
            insert(found + i * (size_t)q->most, &count[i], q->most,
                   part->found[i * (size_t)q->most + (size_t)k]);
}

static void run(struct search *s, struct neighbour *found, int *count)
{
    const struct neighbours *q = s->q;
    const size_t tiles = (q->n_among + NEIGHBOURS_TILE - 1) / NEIGHBOURS_TILE;
    for (s->first = 0; s->first < tiles; s->first += WAVE) {
        const size_t n = tiles - s->first < WAVE ? tiles - s->first : WAVE;
        pool_run(q->pool, n, tile_task, s);
        for (size_t i = 0; i < n; i++)
            merge(q, &s->parts[i], found, count);
    }
}

void neighbours_find(const struct neighbours *q, struct neighbour *found, int *count)
{
    const int workers = q->pool != NULL ? pool_threads(q->pool) : 1;
    const size_t width = (size_t)q->e->width;
    struct search s = {.q = q, .block = mem_alloc(q->n * width * sizeof(float) + 1)};
    memset(count, 0, q->n * sizeof *count);
    for (size_t i = 0; i < q->n; i++)
        memcpy(s.block + i * width, embeddings_of(q->e, q->rows[i]), width * sizeof(float));
    s.tiles = mem_zero((size_t)workers, sizeof *s.tiles);
    s.products = mem_zero((size_t)workers, sizeof *s.products);
    for (int i = 0; i < workers; i++) {
        s.tiles[i] = mem_alloc(NEIGHBOURS_TILE * width * sizeof(float));
        s.products[i] = mem_alloc(NEIGHBOURS_TILE * q->n * sizeof(float) + 1);
    }
    for (int i = 0; i < WAVE; i++) {
        s.parts[i].found = mem_alloc(q->n * (size_t)q->most * sizeof(struct neighbour) + 1);
        s.parts[i].count = mem_alloc(q->n * sizeof(int) + 1);
    }
    run(&s, found, count);
    for (int i = 0; i < WAVE; i++) {
        mem_free(s.parts[i].found);
        mem_free(s.parts[i].count);
    }
    for (int i = 0; i < workers; i++) {
        mem_free(s.tiles[i]);
        mem_free(s.products[i]);
    }
    mem_free(s.tiles);
    mem_free(s.products);
    mem_free(s.block);
}
