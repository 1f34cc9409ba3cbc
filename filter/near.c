#include "filter/near.h"

#include "core/mem.h"
#include "filter/closest.h"
#include "filter/hashsort.h"
#include "filter/meetings.h"

#include <math.h>
#include <stdbool.h>

enum {
    NEAR_FEW = 2,      /* leaders and neighbours of a part of an oversized bucket */
    NEAR_TOGETHER = 4, /* bands searched in one go, where they might give very many pairs */
    AHEAD = 16,        /* rows whose entries are asked for before they are looked at */
};

/* The work of one band; each has its own result and error. */
struct band {
    struct pairs pairs;
    struct error error;
    bool failed;
};

struct search;
typedef int bucket_fn(const struct search *s, int band, uint64_t *rows, size_t n, struct pairs *out,
                      struct error *error);

struct search {
    const struct index *x;
    const struct near_options *options;
    const uint32_t *rows; /* those that take part */
    size_t n;
    int agree;         /* least agreement of sketches */
    bucket_fn *bucket; /* what is done with rows that share a key */
    int first;         /* band of task 0 */
    struct band bands[MINHASH_BANDS];
};

/* The least agreement that a pair at the threshold shows but once in 30,000 (four sigma). */
static int least_agreement(double threshold)
{
    const double p = threshold + (1 - threshold) / 16;
    const double sigma = sqrt(p * (1 - p) / MINHASH_PLACES);
    return (int)floor(MINHASH_PLACES * (p - 4 * sigma));
}

static void try_pair(const struct search *s, uint32_t a, uint32_t b, struct pairs *out)
{
    const struct index_entry *x = &s->x->entries[a], *y = &s->x->entries[b];
    const uint32_t settled = INDEX_OLD | INDEX_FOREIGN;
    out->met++;
    if ((x->flags & settled) && (y->flags & settled))
        return;
    if (x->skeleton == y->skeleton && hash128_compare(x->exact, y->exact) != 0)
        return; /* they differ in digits alone: a variant, without looking at the texts */
    if (index_agree(x, y) >= s->agree)
        pairs_push(out, a, b);
}

static void all_pairs(const struct search *s, const uint64_t *rows, size_t n, struct pairs *out)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            try_pair(s, meetings_row(rows[k]), meetings_row(rows[i]), out);
}

static bool before(const struct search *s, uint32_t a, uint32_t b)
{
    return s->options->preferred != NULL ? s->options->preferred(s->options->context, a, b) < 0
                                         : a < b;
}

/* Each row with the `most` preferred of them. */
static void with_leaders(const struct search *s, const uint64_t *rows, size_t n, size_t most,
                         struct pairs *out)
{
    uint32_t leaders[NEAR_LEADERS];
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t row = meetings_row(rows[i]);
        size_t k = have < most ? have++ : most;
        if (k == most && before(s, leaders[most - 1], row))
            continue;
        for (k = k == most ? most - 1 : k; k > 0 && before(s, row, leaders[k - 1]); k--)
            leaders[k] = leaders[k - 1];
        leaders[k] = row;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < have && leaders[k] != meetings_row(rows[i]); k++)
            try_pair(s, leaders[k], meetings_row(rows[i]), out);
}

/* Each row with the ones before it by content, which does not depend on the order of rows. */
static void with_neighbours(const struct search *s, uint64_t *rows, size_t n, size_t window,
                            struct pairs *out)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t row = meetings_row(rows[i]);
        rows[i] = meetings_keyed((uint32_t)(s->x->entries[row].content >> 32), row);
    }
    hashsort_keys(rows, n);
    for (size_t i = 1; i < n; i++)
        for (size_t k = i > window ? i - window : 0; k < i; k++)
            try_pair(s, meetings_row(rows[k]), meetings_row(rows[i]), out);
}

/* How many rows from `from` on share its key. */
static size_t bucket_of(const uint64_t *rows, size_t from, size_t n)
{
    size_t to = from + 1;
    while (to < n && meetings_same(rows[to], rows[from]))
        to++;
    return to - from;
}

/* A part of the rows that agrees in `depth` bands, the last of which is `band`. */
struct part {
    uint64_t *rows;
    size_t n;
    int band, depth;
};

static int split(const struct search *s, const struct part *p, struct pairs *out,
                 struct error *error)
{
    const int band = (p->band + 1) % MINHASH_BANDS;
    uint64_t *rows = p->rows;
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
        with_neighbours(s, rows, n, p->depth == 1 ? NEAR_WINDOW : NEAR_FEW, out);
        return 0;
    }
    out->split++;
    for (size_t i = 0; i < n; i++) {
        uint32_t key;
        if (index_key(s->x, meetings_row(rows[i]), band, &key, error) != 0)
            return -1;
        rows[i] = meetings_keyed(key, meetings_row(rows[i]));
    }
    hashsort_keys(rows, n);
    for (size_t from = 0, size; from < n; from += size) {
        size = bucket_of(rows, from, n);
        const struct part inner = {rows + from, size, band, p->depth + 1};
        if (inner.n > 1 && split(s, &inner, out, error) != 0)
            return -1;
    }
    return 0;
}

static int bucket_pairs(const struct search *s, int band, uint64_t *rows, size_t n,
                        struct pairs *out, struct error *error)
{
    return split(s, &(struct part){rows, n, band, 1}, out, error);
}

static int bucket_leaders(const struct search *s, int band, uint64_t *rows, size_t n,
                          struct pairs *out, struct error *error)
{
    (void)band;
    (void)error;
    if (n > NEAR_BUCKET)
        with_leaders(s, rows, n, NEAR_FIRST, out);
    return 0;
}

/* Entries lie anywhere: whoever waits for each in turn waits long. */
static void fetch(const struct search *s, const uint64_t *rows, size_t at, size_t n)
{
    if (at < n) {
        const struct index_entry *e = &s->x->entries[meetings_row(rows[at])];
        __builtin_prefetch(e);
        __builtin_prefetch(&e->flags);
    }
}

static int search_band(const struct search *s, int band, struct pairs *out, struct error *error)
{
    uint64_t *rows;
    size_t n;
    int rc = meetings_find(&(struct meetings){s->x, band, s->rows, s->n}, &rows, &n, error);
    for (size_t from = 0, size; rc == 0 && from < n; from += size) {
        size = bucket_of(rows, from, n);
        for (size_t i = 0; i < size; i++)
            fetch(s, rows, from + AHEAD + i, n);
        if (size > 1)
            rc = s->bucket(s, band, rows + from, size, out, error);
    }
    mem_free(rows);
    return rc;
}

static void band_task(void *context, size_t task, int worker)
{
    struct search *s = context;
    struct band *b = &s->bands[task];
    (void)worker;
    b->failed = search_band(s, s->first + (int)task, &b->pairs, &b->error) != 0;
}

/* The pairs of the bands behind those there are. */
static int gather(struct search *s, int bands, struct pairs *out, struct error *error)
{
    int rc = 0;
    for (int i = 0; i < bands; i++) {
        if (s->bands[i].failed && rc == 0) {
            rc = -1;
            if (error != NULL)
                *error = s->bands[i].error;
        }
        pairs_take(out, &s->bands[i].pairs);
    }
    return rc;
}

/* Each pair once, and of very many with one row the likeliest.  Leaders are few as they are. */
static void settle(const struct search *s, struct pairs *out)
{
    pairs_distinct(out);
    if (s->bucket == bucket_pairs)
        closest_keep(out, s->x, s->agree);
}

/* How many bands to search next: all that are left where the pairs would not be too many, going by
 * the most of a band so far. */
static int next_bands(const struct search *s, int left, size_t most)
{
    if (s->first > 0 && most * (size_t)left < NEAR_PAIRS / 8)
        return left;
    return left < NEAR_TOGETHER ? left : NEAR_TOGETHER;
}

static int run_bands(struct search *s, int bands, struct pool *pool, struct pairs *out,
                     struct error *error)
{
    size_t most = 0; /* pairs of a band */
    int rc = 0, n = 0;
    for (s->first = 0; s->first < bands && rc == 0; s->first += n) {
        const size_t before = out->n;
        n = next_bands(s, bands - s->first, most);
        pool_run(pool, (size_t)n, band_task, s);
        rc = gather(s, n, out, error);
        if ((out->n - before) / (size_t)n > most)
            most = (out->n - before) / (size_t)n;
        if (rc != 0 || out->n < NEAR_PAIRS)
            continue;
        settle(s, out);
        if (s->options->full != NULL && out->n >= NEAR_PAIRS / 2) {
            rc = s->options->full(s->options->state, out, error);
            pairs_free(out);
        }
    }
    settle(s, out);
    return rc;
}

static struct search search_of(const struct index *x, const struct near_options *options,
                               bucket_fn *bucket, uint32_t *rows)
{
    struct search s = {.x = x,
                       .options = options,
                       .rows = rows,
                       .agree = least_agreement(options->threshold),
                       .bucket = bucket};
    for (size_t i = 0; i < x->n; i++)
        if (options->take[i] && !(x->entries[i].flags & (INDEX_BARE | INDEX_GONE)))
            rows[s.n++] = (uint32_t)i;
    return s;
}

int near_crowds(const struct index *x, const struct near_options *options, struct pool *pool,
                struct pairs *out, struct error *error)
{
    uint32_t *rows = mem_alloc(x->n * sizeof *rows + 1);
    struct search s = search_of(x, options, bucket_leaders, rows);
    const int rc = s.n > NEAR_BUCKET ? run_bands(&s, NEAR_LOOK, pool, out, error) : 0;
    mem_free(rows);
    return rc;
}

int near_candidates(const struct index *x, const struct near_options *options, struct pool *pool,
                    struct pairs *out, struct error *error)
{
    uint32_t *rows = mem_alloc(x->n * sizeof *rows + 1);
    struct search s = search_of(x, options, bucket_pairs, rows);
    const int rc = run_bands(&s, MINHASH_BANDS, pool, out, error);
    mem_free(rows);
    return rc;
}
