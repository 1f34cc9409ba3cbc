#include "filter/verify.h"

#include "core/arena.h"
#include "core/mem.h"
#include "core/signals.h"
#include "corpus/judging.h"
#include "corpus/samples.h"
#include "filter/row.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 2048, BLOCK_BYTES = 8 << 20, NONE = -1 };

/* The rows that occur in pairs, in the order in which they are visited. */
struct visit {
    uint32_t *rows; /* index rows, by component */
    size_t n;
    uint32_t *place; /* of an index row in `rows` */
    uint32_t *block; /* of a place */
    size_t n_blocks;
};

struct texts {
    struct similar_text *items;
    size_t first, n; /* places */
    long block;
};

static uint32_t root(uint32_t *up, uint32_t i)
{
    while (up[i] != i)
        i = up[i] = up[up[i]];
    return i;
}

struct member {
    uint32_t component, row;
    uint32_t rank; /* 0: in very many pairs, so that those of a component share few blocks */
};

enum { MANY_PAIRS = 256 };

static int by_component(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->component != y->component)
        return x->component > y->component ? 1 : -1;
    if (x->rank != y->rank)
        return x->rank > y->rank ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

static size_t members(const struct index *x, const struct near_pair *pairs, size_t n,
                      struct member **out)
{
    uint32_t *up = mem_alloc(x->n * sizeof *up + 1);
    uint32_t *degree = mem_zero(x->n + 1, sizeof *degree);
    struct member *m = mem_alloc(2 * n * sizeof *m + 1);
    size_t k = 0;
    for (size_t i = 0; i < x->n; i++)
        up[i] = (uint32_t)i;
    for (size_t i = 0; i < n; i++) {
        const uint32_t a = root(up, pairs[i].a), b = root(up, pairs[i].b);
        up[a > b ? a : b] = a > b ? b : a;
        degree[pairs[i].a]++;
        degree[pairs[i].b]++;
    }
    for (size_t i = 0; i < x->n; i++)
        if (degree[i] > 0)
            m[k++] = (struct member){root(up, (uint32_t)i), (uint32_t)i, degree[i] < MANY_PAIRS};
    qsort(m, k, sizeof *m, by_component);
    mem_free(up);
    mem_free(degree);
    *out = m;
    return k;
}

static struct visit plan(const struct index *x, const struct near_pair *pairs, size_t n)
{
    struct visit v = {.place = mem_alloc(x->n * sizeof *v.place + 1)};
    struct member *m = NULL;
    size_t bytes = 0, rows = 0;
    v.n = members(x, pairs, n, &m);
    v.rows = mem_alloc(v.n * sizeof *v.rows + 1);
    v.block = mem_alloc(v.n * sizeof *v.block + 1);
    for (size_t i = 0; i < v.n; i++) {
        const size_t len = x->entries[m[i].row].length;
        if (rows == BLOCK_ROWS || (rows > 0 && bytes + len > BLOCK_BYTES)) {
            v.n_blocks++;
            rows = bytes = 0;
        }
        rows++;
        bytes += len;
        v.rows[i] = m[i].row;
        v.place[m[i].row] = (uint32_t)i;
        v.block[i] = (uint32_t)v.n_blocks;
    }
    v.n_blocks += v.n > 0;
    mem_free(m);
    return v;
}

struct raw {
    struct slice prompt[2], output;
    size_t n_prompt;
    struct arena *arena;
    struct row *row;
};

static int copy_texts(void *context, const struct sample *s, struct error *error)
{
    struct raw *r = context;
    (void)error;
    row_set(r->row, s);
    r->n_prompt = r->row->n_prompt;
    for (size_t i = 0; i < r->n_prompt; i++)
        r->prompt[i] = arena_copy(r->arena, r->row->prompt[i]);
    r->output = arena_copy(r->arena, s->output);
    return 0;
}

/* The first place of a block; places are in order of blocks. */
static size_t block_start(const struct visit *p, size_t block)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (p->block[mid] < block)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The texts of one block as read. */
struct fetched {
    struct raw *raw;
    struct arena arena;
    size_t first, n;
    long block;
    int rc;
    struct error error;
};

static int fetch_one(const struct verify *v, uint32_t row, struct raw *raw, struct error *error)
{
    const struct index_entry *e = &v->x->entries[row];
    struct corpus *c = e->flags & INDEX_FOREIGN ? v->foreign : v->corpus;
    const int got = samples_text(c, e->id, copy_texts, raw, error);
    if (got == 0)
        error_set(error, ERROR_FAILED, "sample %lld is gone from %s", (long long)e->id,
                  corpus_path(c));
    return got == 1 ? 0 : -1;
}

static void fetch(const struct verify *v, const struct visit *p, size_t block, struct fetched *f)
{
    struct row row = ROW;
    arena_reset(&f->arena);
    f->first = block_start(p, block);
    f->n = block_start(p, block + 1) - f->first;
    f->block = (long)block;
    f->rc = 0;
    f->raw = mem_grow(f->raw, f->n + 1, sizeof *f->raw);
    for (size_t i = 0; i < f->n && f->rc == 0; i++) {
        f->raw[i] = (struct raw){.arena = &f->arena, .row = &row};
        f->rc = fetch_one(v, p->rows[f->first + i], &f->raw[i], &f->error);
    }
    row_free(&row);
}

struct prepare {
    const struct verify *v;
    const struct visit *p;
    const struct fetched *now;
    struct fetched *next; /* to be read meanwhile; its block says which, NONE: nothing */
    struct similar_text *items;
    struct shingler *scratch; /* one a worker */
};

static void prepare_task(void *context, size_t task, int worker)
{
    struct prepare *p = context;
    if (task-- == 0) { /* the first to start: only one task may read */
        if (p->next->block != NONE)
            fetch(p->v, p->p, (size_t)p->next->block, p->next);
        return;
    }
    const struct raw *r = &p->now->raw[task];
    similar_prepare(&p->items[task], &p->scratch[worker], p->v->fields, r->prompt, r->n_prompt,
                    r->output);
}

static void texts_free(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        similar_free(&t->items[i]);
    mem_free(t->items);
    *t = (struct texts){.block = NONE};
}

/* Blocks are mostly asked for one after the other: the next one is read while one is prepared. */
struct loader {
    const struct verify *v;
    const struct visit *p;
    struct fetched two[2];
};

static struct fetched *take(struct loader *l, size_t block)
{
    struct fetched *f = l->two[1].block == (long)block ? &l->two[1] : &l->two[0];
    if (f->block != (long)block)
        fetch(l->v, l->p, block, f);
    return f;
}

static int load(struct loader *l, size_t block, struct texts *t, struct error *error)
{
    const struct verify *v = l->v;
    const int workers = v->pool != NULL ? pool_threads(v->pool) : 1;
    struct prepare work = {.v = v, .p = l->p};
    struct fetched *now = take(l, block);
    texts_free(t);
    if (now->rc != 0) {
        if (error != NULL)
            *error = now->error;
        return -1;
    }
    work.scratch = mem_zero((size_t)workers, sizeof *work.scratch);
    for (int i = 0; i < workers; i++)
        shingle_init(&work.scratch[i], NULL);
    work.now = now;
    work.next = &l->two[now == &l->two[0]];
    work.next->block = block + 1 < l->p->n_blocks ? (long)block + 1 : NONE;
    work.items = mem_zero(now->n, sizeof *work.items);
    pool_run(v->pool, now->n + 1, prepare_task, &work);
    for (int i = 0; i < workers; i++)
        shingle_free(&work.scratch[i]);
    *t = (struct texts){work.items, now->first, now->n, (long)block};
    mem_free(work.scratch);
    return 0;
}

static void loader_close(struct loader *l)
{
    for (int i = 0; i < 2; i++) {
        mem_free(l->two[i].raw);
        arena_free(&l->two[i].arena);
    }
}

/* Pairs by their blocks, then by rows. */
struct work {
    uint32_t block_a, block_b; /* a <= b */
    struct near_pair places;
};

static int by_blocks(const void *a, const void *b)
{
    const struct work *x = a, *y = b;
    if (x->block_a != y->block_a)
        return x->block_a > y->block_a ? 1 : -1;
    if (x->block_b != y->block_b)
        return x->block_b > y->block_b ? 1 : -1;
    if (x->places.a != y->places.a)
        return x->places.a > y->places.a ? 1 : -1;
    return (x->places.b > y->places.b) - (x->places.b < y->places.b);
}

static struct work *order(const struct visit *p, const struct near_pair *pairs, size_t n)
{
    struct work *w = mem_alloc(n * sizeof *w + 1);
    for (size_t i = 0; i < n; i++) {
        uint32_t a = p->place[pairs[i].a], b = p->place[pairs[i].b];
        if (a > b) {
            const uint32_t t = a;
            a = b;
            b = t;
        }
        w[i] = (struct work){p->block[a], p->block[b], {a, b}};
    }
    qsort(w, n, sizeof *w, by_blocks);
    return w;
}

struct judging {
    const struct verify *v;
    const struct work *work;
    const struct texts *a, *b;
    struct similar_result *results;
    size_t n;
};

enum { JUDGE_CHUNK = 64 };

static void judge_task(void *context, size_t task, int worker)
{
    const struct judging *j = context;
    const size_t to = (task + 1) * JUDGE_CHUNK < j->n ? (task + 1) * JUDGE_CHUNK : j->n;
    (void)worker;
    for (size_t i = task * JUDGE_CHUNK; i < to; i++)
        similar_judge(&j->a->items[j->work[i].places.a - j->a->first],
                      &j->b->items[j->work[i].places.b - j->b->first], j->v->fields,
                      j->v->threshold, &j->results[i]);
}

/* The pairs of one pair of blocks. */
static int judge(const struct judging *jobs, const struct visit *p, struct error *error)
{
    struct judging j = *jobs;
    const struct verify *v = j.v;
    const struct work *work = j.work;
    const size_t n = j.n;
    int rc = 0;
    j.results = mem_alloc(n * sizeof *j.results);
    pool_run(v->pool, (n + JUDGE_CHUNK - 1) / JUDGE_CHUNK, judge_task, &j);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const uint32_t x = p->rows[work[i].places.a], y = p->rows[work[i].places.b];
        const struct verified one = {x < y ? x : y, x < y ? y : x, j.results[i]};
        if (one.result.kind != SIMILAR_LOW)
            rc = v->found(v->context, &one, error);
    }
    mem_free(j.results);
    return rc;
}

static int run(const struct verify *v, const struct visit *p, const struct work *work, size_t n,
               struct error *error)
{
    struct texts a = {.block = NONE}, b = {.block = NONE};
    struct loader l = {v, p, {{.arena = ARENA, .block = NONE}, {.arena = ARENA, .block = NONE}}};
    int rc = 0;
    for (size_t from = 0, to; from < n && rc == 0; from = to) {
        const struct work *w = &work[from];
        for (to = from + 1; to < n && work[to].block_a == w->block_a &&
                            work[to].block_b == w->block_b && to - from < (1 << 16);
             to++)
            ;
        if (signals_draining())
            rc = error_set(error, ERROR_INTERRUPTED, "stopped; no verdict of this run was stored");
        if (rc == 0 && a.block != (long)w->block_a)
            rc = load(&l, w->block_a, &a, error);
        if (rc == 0 && w->block_b != w->block_a && b.block != (long)w->block_b)
            rc = load(&l, w->block_b, &b, error);
        if (rc == 0) {
            const struct texts *other = w->block_b != w->block_a ? &b : &a;
            rc = judge(&(struct judging){.v = v, .work = w, .a = &a, .b = other, .n = to - from}, p,
                       error);
        }
    }
    texts_free(&a);
    texts_free(&b);
    loader_close(&l);
    return rc;
}

int verify_pairs(const struct verify *v, const struct near_pair *pairs, size_t n,
                 struct error *error)
{
    struct visit p;
    struct work *work;
    int rc;
    if (n == 0)
        return 0;
    p = plan(v->x, pairs, n);
    work = order(&p, pairs, n);
    rc = judging_hold(v->corpus, error);
    if (rc == 0) {
        rc = run(v, &p, work, n, error);
        judging_release(v->corpus);
    }
    mem_free(work);
    mem_free(p.rows);
    mem_free(p.place);
    mem_free(p.block);
    return rc;
}
