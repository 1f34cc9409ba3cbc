#include "filter/verify.h"

#include "core/mem.h"
#include "core/signals.h"
#include "core/vec.h"
#include "filter/blocks.h"

#include <stdlib.h>
#include <string.h>

/* The rows that occur in pairs, in the order in which they are visited. */
struct visit {
    uint32_t *rows; /* index rows, by component */
    size_t n;
    uint32_t *place; /* of an index row in `rows` */
    uint32_t *block; /* of a place */
    size_t n_blocks;
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

enum {
    MANY_PAIRS = 256,
    FIRST_ROWS =
        256 /* in the first block, while which is read nothing else can be done; the next one
                      * twice as many … */
};

static int by_component(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->component != y->component)
        return x->component > y->component ? 1 : -1;
    if (x->rank != y->rank)
        return x->rank > y->rank ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

static size_t members(const struct index *x, const struct pair *pairs, size_t n,
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

static struct visit plan(const struct index *x, const struct pair *pairs, size_t n)
{
    struct visit v = {.place = mem_alloc(x->n * sizeof *v.place + 1)};
    struct member *m = NULL;
    size_t bytes = 0, rows = 0, most = FIRST_ROWS;
    v.n = members(x, pairs, n, &m);
    v.rows = mem_alloc(v.n * sizeof *v.rows + 1);
    v.block = mem_alloc(v.n * sizeof *v.block + 1);
    for (size_t i = 0; i < v.n; i++) {
        const size_t len = x->entries[m[i].row].length;
        if (rows == most || (rows > 0 && bytes + len > BLOCKS_BYTES)) {
            v.n_blocks++;
            rows = bytes = 0;
            most = most < BLOCKS_ROWS ? 2 * most : most;
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

/* Pairs by their blocks, then by rows. */
struct work {
    uint32_t block_a, block_b; /* a <= b */
    struct pair places;
};

/* By their first or second block; those of one block in the order in which they are. */
static void by_block(const struct work *from, struct work *to, size_t n, size_t n_blocks,
                     bool second)
{
    size_t *start = mem_zero(n_blocks + 2, sizeof *start);
    for (size_t i = 0; i < n; i++)
        start[(second ? from[i].block_b : from[i].block_a) + 1]++;
    for (size_t i = 1; i <= n_blocks; i++)
        start[i] += start[i - 1];
    for (size_t i = 0; i < n; i++)
        to[start[second ? from[i].block_b : from[i].block_a]++] = from[i];
    mem_free(start);
}

static struct work *order(const struct visit *p, const struct pair *pairs, size_t n)
{
    struct pair *places = mem_alloc(n * sizeof *places + 1);
    struct work *w = mem_alloc(n * sizeof *w + 1), *other = mem_alloc(n * sizeof *w + 1);
    for (size_t i = 0; i < n; i++) {
        const uint32_t a = p->place[pairs[i].a], b = p->place[pairs[i].b];
        places[i] = (struct pair){a < b ? a : b, a < b ? b : a};
    }
    pairs_sort(places, n);
    for (size_t i = 0; i < n; i++)
        w[i] = (struct work){p->block[places[i].a], p->block[places[i].b], places[i]};
    if (p->n_blocks > 1) {
        by_block(w, other, n, p->n_blocks, true);
        by_block(other, w, n, p->n_blocks, false);
    }
    mem_free(places);
    mem_free(other);
    return w;
}

/* Pairs of one pair of blocks, at most so many: what is judged in one go. */
enum { GROUP = 1 << 17, JUDGE_CHUNK = 16 };

struct group {
    const struct work *work;
    size_t n;
};

static struct group group_at(const struct work *work, size_t n)
{
    size_t to = 1;
    while (to < n && to < GROUP && work[to].block_a == work->block_a &&
           work[to].block_b == work->block_b)
        to++;
    return (struct group){work, to};
}

/* What has to be in memory before a group is judged: all of its first block, unless it is there;
 * and, where its second is another, those rows of that one which its pairs name. */
struct load {
    struct group group;
    bool second;
};

static struct load *plan_loads(const struct work *work, size_t n, size_t *n_loads)
{
    struct load *loads = NULL;
    size_t cap = 0, k = 0;
    for (size_t at = 0; at < n;) {
        const struct group g = group_at(work + at, n - at);
        loads = vec_reserve(loads, &cap, k + 2, sizeof *loads);
        if (at == 0 || work[at - 1].block_a != g.work->block_a)
            loads[k++] = (struct load){g, false};
        if (g.work->block_b != g.work->block_a)
            loads[k++] = (struct load){g, true};
        at += g.n;
    }
    *n_loads = k;
    return loads;
}

struct judging {
    const struct verify *v;
    const struct visit *p;
    const struct load *loads;
    size_t load, n_loads; /* the next one */
    struct group now;
    struct blocks blocks;
    struct block a, b; /* of the group; b where its blocks differ */
    struct similar_result *results;
    struct block_entry **untold; /* entries whose tokens are needed */
    uint32_t *places[2];         /* of what is wanted now and next */
};

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

static struct block_want want(const struct judging *j, size_t load)
{
    const struct load *l = &j->loads[load];
    const struct work *work = l->group.work;
    const uint32_t block = l->second ? work->block_b : work->block_a;
    const size_t first = block_start(j->p, block), n = block_start(j->p, block + 1) - first;
    unsigned char wanted[BLOCKS_ROWS];
    struct block_want w = {.key = load + 1,
                           .places = j->places[load % 2],
                           .first = first,
                           .rows = n};
    memset(wanted, !l->second, n);
    for (size_t i = 0; l->second && i < l->group.n; i++)
        wanted[work[i].places.b - first] = 1;
    for (size_t i = 0; i < n; i++)
        if (wanted[i])
            w.places[w.n++] = (uint32_t)(first + i);
    return w;
}

static struct block_entry *entry_of(const struct block *b, uint32_t place)
{
    return &b->entries[place - b->first];
}

static struct block *block_of(struct judging *j, bool right)
{
    return right && j->now.work->block_a != j->now.work->block_b ? &j->b : &j->a;
}

static struct block_entry *left(struct judging *j, size_t pair)
{
    return entry_of(block_of(j, false), j->now.work[pair].places.a);
}

static struct block_entry *right(struct judging *j, size_t pair)
{
    return entry_of(block_of(j, true), j->now.work[pair].places.b);
}

static void measure_task(void *context, size_t task, int worker)
{
    struct judging *j = context;
    const size_t n = j->now.n, to = (task + 1) * JUDGE_CHUNK < n ? (task + 1) * JUDGE_CHUNK : n;
    (void)worker;
    for (size_t i = task * JUDGE_CHUNK; i < to; i++)
        similar_measure(&left(j, i)->text, &right(j, i)->text, j->v->fields, j->v->threshold,
                        &j->results[i]);
}

static void tell_task(void *context, size_t task, int worker)
{
    struct judging *j = context;
    const size_t n = j->now.n, to = (task + 1) * JUDGE_CHUNK < n ? (task + 1) * JUDGE_CHUNK : n;
    (void)worker;
    for (size_t i = task * JUDGE_CHUNK; i < to; i++)
        if (j->results[i].kind == SIMILAR_DUPLICATE)
            similar_tell(&left(j, i)->text, &right(j, i)->text, j->v->fields, &j->results[i]);
}

/* The tokens of the block's rows whose shingles are alike with another's: few rows need them. */
static void make_tokens(struct judging *j, struct block *of)
{
    size_t n = 0;
    for (size_t i = 0; i < j->now.n; i++)
        for (int side = 0; side < 2 && j->results[i].kind == SIMILAR_DUPLICATE; side++) {
            struct block_entry *e = side == 0 ? left(j, i) : right(j, i);
            if (block_of(j, side != 0) != of || e->tokens)
                continue;
            e->tokens = true;
            j->untold[n++] = e;
        }
    blocks_tokens(&j->blocks, of, j->untold, n);
}

static int report(const struct judging *j, struct error *error)
{
    int rc = 0;
    for (size_t i = 0; i < j->now.n && rc == 0; i++) {
        const struct pair places = j->now.work[i].places;
        const uint32_t x = j->p->rows[places.a], y = j->p->rows[places.b];
        const struct verified one = {x < y ? x : y, x < y ? y : x, j->results[i]};
        if (one.result.kind != SIMILAR_LOW)
            rc = j->v->found(j->v->context, &one, error);
    }
    return rc;
}

static int load_group(struct judging *j, struct error *error)
{
    int rc = 0;
    while (rc == 0 && j->load < j->n_loads && j->loads[j->load].group.work == j->now.work) {
        const struct block_want now = want(j, j->load);
        const bool more = j->load + 1 < j->n_loads;
        const struct block_want next = more ? want(j, j->load + 1) : (struct block_want){.key = 0};
        rc = blocks_load(&j->blocks, j->loads[j->load].second ? &j->b : &j->a, &now,
                         more ? &next : NULL, error);
        j->load++;
    }
    return rc;
}

static int judge_group(struct judging *j, struct error *error)
{
    const size_t chunks = (j->now.n + JUDGE_CHUNK - 1) / JUDGE_CHUNK;
    if (signals_draining())
        return error_set(error, ERROR_INTERRUPTED, "stopped; no verdict of this run was stored");
    if (load_group(j, error) != 0)
        return -1;
    pool_run(j->v->pool, chunks, measure_task, j);
    make_tokens(j, &j->a);
    if (block_of(j, true) != &j->a)
        make_tokens(j, &j->b);
    pool_run(j->v->pool, chunks, tell_task, j);
    return report(j, error);
}

static int run(const struct verify *v, const struct visit *p, const struct work *work, size_t n,
               struct error *error)
{
    const size_t most = n < GROUP ? n : GROUP;
    struct judging j = {.v = v, .p = p};
    struct load *loads = plan_loads(work, n, &j.n_loads);
    int rc = 0;
    j.loads = loads;
    j.results = mem_alloc(most * sizeof *j.results + 1);
    j.untold = mem_alloc(2 * most * sizeof *j.untold + 1);
    for (int i = 0; i < 2; i++)
        j.places[i] = mem_alloc(BLOCKS_ROWS * sizeof *j.places[i]);
    blocks_open(&j.blocks, &(struct blocks_of){v->source, v->x, p->rows, v->fields, v->pool});
    block_open(&j.a, &j.blocks);
    block_open(&j.b, &j.blocks);
    for (size_t at = 0; at < n && rc == 0; at += j.now.n) {
        j.now = group_at(work + at, n - at);
        rc = judge_group(&j, error);
    }
    block_close(&j.a);
    block_close(&j.b);
    blocks_close(&j.blocks);
    for (int i = 0; i < 2; i++)
        mem_free(j.places[i]);
    mem_free(j.untold);
    mem_free(j.results);
    mem_free(loads);
    return rc;
}

int verify_pairs(const struct verify *v, const struct pair *pairs, size_t n, struct error *error)
{
    struct visit p;
    struct work *work;
    int rc;
    if (n == 0)
        return 0;
    p = plan(v->x, pairs, n);
    work = order(&p, pairs, n);
    rc = v->source->hold(v->source->context, error);
    if (rc == 0) {
        rc = run(v, &p, work, n, error);
        v->source->release(v->source->context);
    }
    mem_free(work);
    mem_free(p.rows);
    mem_free(p.place);
    mem_free(p.block);
    return rc;
}
