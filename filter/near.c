#include "filter/near.h"

#include "core/mem.h"
#include "core/vec.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NEAR_FEW = 2 }; /* leaders and neighbours of a part of an oversized bucket */

struct keyed {
    uint32_t key, row;
};

/* The work of one band; each has its own result and error. */
struct band {
    struct near_pairs pairs;
    struct error error;
    bool failed;
};

struct search {
    const struct index *x;
    const struct near_options *options;
    const uint32_t *rows; /* those that take part */
    size_t n;
    int agree; /* least agreement of sketches */
    int first; /* band of task 0 */
    struct band *bands;
};

/* The least agreement that a pair at the threshold shows but once in 30,000 (four sigma). */
static int least_agreement(double threshold)
{
    const double p = threshold + (1 - threshold) / 16;
    const double sigma = sqrt(p * (1 - p) / MINHASH_PLACES);
    return (int)floor(MINHASH_PLACES * (p - 4 * sigma));
}

/* Two passes of 16 bits; the result is back in `a`. */
static void radix(struct keyed *a, struct keyed *b, size_t n)
{
    uint32_t *count = mem_alloc(65536 * sizeof *count);
    for (int shift = 0; shift < 32; shift += 16) {
        uint32_t sum = 0;
        memset(count, 0, 65536 * sizeof *count);
        for (size_t i = 0; i < n; i++)
            count[a[i].key >> shift & 0xFFFF]++;
        for (size_t k = 0; k < 65536; k++) {
            const uint32_t c = count[k];
            count[k] = sum;
            sum += c;
        }
        for (size_t i = 0; i < n; i++)
            b[count[a[i].key >> shift & 0xFFFF]++] = a[i];
        struct keyed *t = a;
        a = b;
        b = t;
    }
    mem_free(count);
}

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

/* By key, then by row.  Stable radix keeps the order of rows. */
static void sort_keyed(struct keyed *items, struct keyed *scratch, size_t n)
{
    if (n < 4096)
        qsort(items, n, sizeof *items, by_key);
    else
        radix(items, scratch, n);
}

void near_push(struct near_pairs *p, uint32_t a, uint32_t b)
{
    p->items = vec_reserve(p->items, &p->cap, p->n + 1, sizeof *p->items);
    p->items[p->n++] = (struct near_pair){a < b ? a : b, a < b ? b : a};
}

static void try_pair(const struct search *s, uint32_t a, uint32_t b, struct near_pairs *out)
{
    const struct index_entry *x = &s->x->entries[a], *y = &s->x->entries[b];
    const uint32_t settled = INDEX_OLD | INDEX_FOREIGN;
    out->met++;
    if ((x->flags & settled) && (y->flags & settled))
        return;
    if (x->skeleton == y->skeleton && hash128_compare(x->exact, y->exact) != 0)
        return; /* they differ in digits alone: a variant, without looking at the texts */
    if (index_agree(x, y) >= s->agree)
        near_push(out, a, b);
}

static void all_pairs(const struct search *s, const struct keyed *rows, size_t n,
                      struct near_pairs *out)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            try_pair(s, rows[k].row, rows[i].row, out);
}

static bool before(const struct search *s, uint32_t a, uint32_t b)
{
    return s->options->preferred != NULL ? s->options->preferred(s->options->context, a, b) < 0
                                         : a < b;
}

/* Each row with the `most` preferred of them. */
static void with_leaders(const struct search *s, const struct keyed *rows, size_t n, size_t most,
                         struct near_pairs *out)
{
    uint32_t leaders[NEAR_LEADERS];
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = have < most ? have++ : most;
        if (k == most && before(s, leaders[most - 1], rows[i].row))
            continue;
        for (k = k == most ? most - 1 : k; k > 0 && before(s, rows[i].row, leaders[k - 1]); k--)
            leaders[k] = leaders[k - 1];
        leaders[k] = rows[i].row;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < have && leaders[k] != rows[i].row; k++)
            try_pair(s, leaders[k], rows[i].row, out);
}

/* Each row with the ones before it by content, which does not depend on the order of rows. */
static void with_neighbours(const struct search *s, struct keyed *rows, struct keyed *scratch,
                            size_t n, size_t window, struct near_pairs *out)
{
    for (size_t i = 0; i < n; i++)
        rows[i].key = (uint32_t)(s->x->entries[rows[i].row].content >> 32);
    sort_keyed(rows, scratch, n);
    for (size_t i = 1; i < n; i++)
        for (size_t k = i > window ? i - window : 0; k < i; k++)
            try_pair(s, rows[k].row, rows[i].row, out);
}

/* A part of the rows that agrees in `depth` bands, the last of which is `band`. */
struct part {
    struct keyed *rows, *scratch;
    size_t n;
    int band, depth;
};

static int split(const struct search *s, const struct part *p, struct near_pairs *out,
                 struct error *error)
{
    const int band = (p->band + 1) % MINHASH_BANDS;
    struct keyed *rows = p->rows;
    const size_t n = p->n;
    if (n <= (p->depth == 1 ? NEAR_DENSE : NEAR_PART)) {
        all_pairs(s, rows, n, out);
        return 0;
    }
    if (p->depth == 1)
        with_leaders(s, rows, n, NEAR_LEADERS, out);
    if ((p->depth == 1 && n <= NEAR_BUCKET) || p->depth >= MINHASH_BANDS) {
        if (p->depth > 1)
            with_leaders(s, rows, n, NEAR_FEW, out);
        with_neighbours(s, rows, p->scratch, n, p->depth == 1 ? NEAR_WINDOW : NEAR_FEW, out);
        return 0;
    }
    out->split++;
    for (size_t i = 0; i < n; i++)
        if (index_key(s->x, rows[i].row, band, &rows[i].key, error) != 0)
            return -1;
    sort_keyed(rows, p->scratch, n);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && rows[to].key == rows[from].key; to++)
            ;
        const struct part inner = {rows + from, p->scratch + from, to - from, band, p->depth + 1};
        if (inner.n > 1 && split(s, &inner, out, error) != 0)
            return -1;
    }
    return 0;
}

static int search_band(const struct search *s, int band, struct near_pairs *out,
                       struct error *error)
{
    uint32_t *keys = mem_alloc(s->x->n * sizeof *keys + 1);
    struct keyed *rows = mem_alloc(s->n * sizeof *rows + 1);
    struct keyed *scratch = mem_alloc(s->n * sizeof *rows + 1);
    int rc = index_band(s->x, band, keys, error);
    for (size_t i = 0; rc == 0 && i < s->n; i++)
        rows[i] = (struct keyed){keys[s->rows[i]], s->rows[i]};
    mem_free(keys);
    if (rc == 0)
        sort_keyed(rows, scratch, s->n);
    for (size_t from = 0, to; rc == 0 && from < s->n; from = to) {
        for (to = from + 1; to < s->n && rows[to].key == rows[from].key; to++)
            ;
        const struct part p = {rows + from, scratch + from, to - from, band, 1};
        if (p.n > 1)
            rc = split(s, &p, out, error);
    }
    mem_free(rows);
    mem_free(scratch);
    return rc;
}

static int by_pair(const void *a, const void *b)
{
    const struct near_pair *x = a, *y = b;
    if (x->a != y->a)
        return x->a > y->a ? 1 : -1;
    return (x->b > y->b) - (x->b < y->b);
}

static void distinct(struct near_pairs *p)
{
    size_t kept = 0;
    if (p->n > 1)
        qsort(p->items, p->n, sizeof *p->items, by_pair);
    for (size_t i = 0; i < p->n; i++)
        if (kept == 0 || by_pair(&p->items[i], &p->items[kept - 1]) != 0)
            p->items[kept++] = p->items[i];
    p->n = kept;
}

static void band_task(void *context, size_t task, int worker)
{
    const struct search *s = context;
    struct band *b = &s->bands[task];
    (void)worker;
    b->failed = search_band(s, s->first + (int)task, &b->pairs, &b->error) != 0;
    distinct(&b->pairs);
}

/* Both sorted and distinct, and so is the result. */
static void merge(struct near_pairs *out, struct near_pairs *more)
{
    struct near_pairs all = {.met = out->met + more->met, .split = out->split + more->split};
    size_t i = 0, k = 0;
    all.items = vec_reserve(NULL, &all.cap, out->n + more->n + 1, sizeof *all.items);
    while (i < out->n || k < more->n) {
        const int order = i == out->n    ? 1
                          : k == more->n ? -1
                                         : by_pair(&out->items[i], &more->items[k]);
        all.items[all.n++] = order <= 0 ? out->items[i] : more->items[k];
        i += order <= 0;
        k += order >= 0;
    }
    near_free(out);
    *out = all;
}

/* A few bands at a time: the memory of a band is 32 bytes a row. */
static int run_bands(struct search *s, struct pool *pool, struct near_pairs *out,
                     struct error *error)
{
    const int together = pool != NULL ? pool_threads(pool) : 1;
    int rc = 0;
    s->bands = mem_zero((size_t)together, sizeof *s->bands);
    for (s->first = 0; s->first < MINHASH_BANDS && rc == 0; s->first += together) {
        const int n = MINHASH_BANDS - s->first < together ? MINHASH_BANDS - s->first : together;
        pool_run(pool, (size_t)n, band_task, s);
        for (int i = 0; i < n; i++) {
            if (s->bands[i].failed && rc == 0) {
                rc = -1;
                if (error != NULL)
                    *error = s->bands[i].error;
            }
            merge(out, &s->bands[i].pairs);
            near_free(&s->bands[i].pairs);
        }
        if (rc == 0 && s->options->full != NULL && out->n >= NEAR_PAIRS) {
            rc = s->options->full(s->options->state, out, error);
            near_free(out);
        }
    }
    mem_free(s->bands);
    return rc;
}

static uint32_t *taking_part(const struct index *x, const struct near_options *options, size_t *n)
{
    uint32_t *rows = mem_alloc(x->n * sizeof *rows + 1);
    *n = 0;
    for (size_t i = 0; i < x->n; i++)
        if (options->take[i] && !(x->entries[i].flags & (INDEX_BARE | INDEX_GONE)))
            rows[(*n)++] = (uint32_t)i;
    return rows;
}

/* Can the band hold a bucket of that many rows?  By the upper halves of the keys. */
static bool crowded(const struct search *s, const uint32_t *keys)
{
    uint32_t *count = mem_zero(65536, sizeof *count), most = 0;
    for (size_t i = 0; i < s->n; i++) {
        uint32_t *c = &count[keys[s->rows[i]] >> 16];
        most = ++*c > most ? *c : most;
    }
    mem_free(count);
    return most > NEAR_BUCKET;
}

static int crowds_of(const struct search *s, int band, struct near_pairs *out, struct error *error)
{
    uint32_t *keys = mem_alloc(s->x->n * sizeof *keys + 1);
    struct keyed *rows = NULL, *scratch = NULL;
    int rc = index_band(s->x, band, keys, error);
    const bool look = rc == 0 && crowded(s, keys);
    for (size_t i = 0; look && i < s->n; i++) {
        if (rows == NULL) {
            rows = mem_alloc(s->n * sizeof *rows + 1);
            scratch = mem_alloc(s->n * sizeof *rows + 1);
        }
        rows[i] = (struct keyed){keys[s->rows[i]], s->rows[i]};
    }
    mem_free(keys);
    if (look)
        sort_keyed(rows, scratch, s->n);
    for (size_t from = 0, to; look && from < s->n; from = to) {
        for (to = from + 1; to < s->n && rows[to].key == rows[from].key; to++)
            ;
        if (to - from > NEAR_BUCKET)
            with_leaders(s, rows + from, to - from, NEAR_FIRST, out);
    }
    mem_free(rows);
    mem_free(scratch);
    return rc;
}

int near_crowds(const struct index *x, const struct near_options *options, struct near_pairs *out,
                struct error *error)
{
    struct search s = {.x = x, .options = options, .agree = least_agreement(options->threshold)};
    uint32_t *rows = taking_part(x, options, &s.n);
    int rc = 0;
    s.rows = rows;
    for (int band = 0; band < NEAR_LOOK && s.n > NEAR_BUCKET && rc == 0; band++) {
        struct near_pairs more = {.items = NULL};
        rc = crowds_of(&s, band, &more, error);
        if (more.n > 0) {
            distinct(&more);
            merge(out, &more);
        }
        near_free(&more);
    }
    mem_free(rows);
    return rc;
}

int near_candidates(const struct index *x, const struct near_options *options, struct pool *pool,
                    struct near_pairs *out, struct error *error)
{
    struct search s = {.x = x, .options = options, .agree = least_agreement(options->threshold)};
    uint32_t *rows = taking_part(x, options, &s.n);
    int rc;
    s.rows = rows;
    rc = run_bands(&s, pool, out, error);
    mem_free(rows);
    return rc;
}

void near_free(struct near_pairs *p)
{
    mem_free(p->items);
    *p = (struct near_pairs){NULL, 0, 0, 0, 0};
}
