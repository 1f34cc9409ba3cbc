#include "filter/semantic.h"

#include "core/mem.h"
#include "core/signals.h"
#include "corpus/judging.h"
#include "corpus/samples.h"
#include "filter/neighbours.h"
#include "filter/similar.h"
#include "filter/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEMANTIC_VERSION = 1, BLOCK = NEIGHBOURS_BLOCK };

/* A row of the block and one that may be the reason why it goes. */
struct pair {
    uint32_t at, match; /* place in the block; row of the index */
    double cosine;
    bool variant;
};

struct semantic {
    const struct wide *w;
    const struct embeddings *e;
    double threshold;
    enum verdict_action action;
    uint32_t *kept;
    size_t n_kept;
    /* the block under way */
    const uint32_t *rows;
    size_t n;
    struct neighbour found[2][BLOCK * SEMANTIC_MOST]; /* among the kept; within the block */
    int count[2][BLOCK];
    struct pair pairs[BLOCK * SEMANTIC_MOST];
    size_t n_pairs;
};

/* ---- texts of the pairs */

struct prepared {
    uint32_t *rows; /* sorted, distinct */
    struct similar_text *texts;
    struct similar_row *raw;
    size_t n;
    struct similar_scratch *scratch; /* one a worker */
    int workers;
    enum similar_fields fields; /* what was not embedded makes no variant */
};

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void tokens_task(void *context, size_t task, int worker)
{
    struct prepared *p = context;
    struct similar_row row = p->raw[task];
    if (p->fields == SIMILAR_OUTPUT)
        row.n_prompt = 0;
    if (p->fields == SIMILAR_PROMPT)
        row.output = SLICE("");
    similar_tokens(&p->texts[task], &p->scratch[worker], &row);
}

static size_t distinct(uint32_t *rows, size_t n)
{
    size_t kept = 0;
    qsort(rows, n, sizeof *rows, by_number);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || rows[kept - 1] != rows[i])
            rows[kept++] = rows[i];
    return kept;
}

static int workers_of(const struct semantic *s)
{
    return s->w->pool != NULL ? pool_threads(s->w->pool) : 1;
}

static int read_texts(const struct semantic *s, struct prepared *p, struct source_reader *reader,
                      struct error *error)
{
    int rc = 0;
    for (size_t i = 0; i < p->n && rc == 0; i++)
        rc = source_read(reader, p->rows[i], &p->raw[i], error);
    if (rc == 0)
        pool_run(s->w->pool, p->n, tokens_task, p);
    return rc;
}

static int prepare(const struct semantic *s, struct prepared *p, struct error *error)
{
    struct source_corpora both = {s->w->corpus, s->w->foreign};
    const struct source source = source_of(&both);
    struct source_reader reader = SOURCE_READER(&source, s->w->x);
    *p = (struct prepared){.fields =
                               chosen_fields(recipe_text(s->w->recipe, "filter.semantic.fields"))};
    p->rows = mem_alloc(2 * s->n_pairs * sizeof *p->rows + 1);
    for (size_t i = 0; i < s->n_pairs; i++) {
        p->rows[2 * i] = s->rows[s->pairs[i].at];
        p->rows[2 * i + 1] = s->pairs[i].match;
    }
    p->n = distinct(p->rows, 2 * s->n_pairs);
    p->texts = mem_zero(p->n + 1, sizeof *p->texts);
    p->raw = mem_zero(p->n + 1, sizeof *p->raw);
    p->scratch = mem_alloc((size_t)workers_of(s) * sizeof *p->scratch);
    p->workers = workers_of(s);
    for (int i = 0; i < p->workers; i++)
        similar_open(&p->scratch[i]);
    const int rc = read_texts(s, p, &reader, error);
    source_close(&reader);
    return rc;
}

static void release(struct prepared *p)
{
    for (int i = 0; i < p->workers; i++)
        similar_close(&p->scratch[i]);
    mem_free(p->texts);
    mem_free(p->rows);
    mem_free(p->raw);
    mem_free(p->scratch);
}

static const struct similar_text *text_of(const struct prepared *p, uint32_t row)
{
    const uint32_t *at = bsearch(&row, p->rows, p->n, sizeof row, by_number);
    return &p->texts[at - p->rows];
}

/* ---- pairs */

static bool is_new(const struct semantic *s, uint32_t row)
{
    const struct index_entry *e = &s->w->x->entries[row];
    return !index_settled(e) && !(e->flags & INDEX_HUMAN);
}

/* The closest first; of equals the one that is preferred, which is found first. */
static void add_pair(struct semantic *s, size_t first, struct pair one)
{
    size_t at = s->n_pairs;
    one.cosine = embeddings_cosine(s->e, s->rows[one.at], one.match);
    if (one.cosine < s->threshold)
        return;
    if (at - first == SEMANTIC_MOST) {
        if (!(one.cosine > s->pairs[at - 1].cosine))
            return;
        at--;
    } else {
        s->n_pairs++;
    }
    for (; at > first && one.cosine > s->pairs[at - 1].cosine; at--)
        s->pairs[at] = s->pairs[at - 1];
    s->pairs[at] = one;
}

static void find_pairs(struct semantic *s)
{
    /* The mean over parts is at least the smaller; a little less for products in single. */
    struct neighbours q = {.e = s->e,
                           .pool = s->w->pool,
                           .rows = s->rows,
                           .n = s->n,
                           .among = s->kept,
                           .n_among = s->n_kept,
                           .least = (float)s->threshold - 1e-4F,
                           .most = SEMANTIC_MOST};
    neighbours_find(&q, s->found[0], s->count[0]);
    q.among = s->rows;
    q.n_among = s->n;
    q.earlier = true;
    neighbours_find(&q, s->found[1], s->count[1]);
    s->n_pairs = 0;
    for (size_t i = 0; i < s->n; i++) {
        const size_t first = s->n_pairs;
        for (int k = 0; k < 2 && is_new(s, s->rows[i]); k++)
            for (int j = 0; j < s->count[k][i]; j++) {
                const uint32_t at = s->found[k][i * SEMANTIC_MOST + (size_t)j].at;
                const uint32_t match = k == 0 ? s->kept[at] : s->rows[at];
                add_pair(s, first, (struct pair){(uint32_t)i, match, 0, false});
            }
    }
}

static int check_pairs(struct semantic *s, struct error *error)
{
    struct prepared p;
    int rc = 0;
    if (s->n_pairs == 0)
        return 0;
    rc = prepare(s, &p, error);
    for (size_t i = 0; i < s->n_pairs && rc == 0; i++)
        s->pairs[i].variant = similar_variant(text_of(&p, s->rows[s->pairs[i].at]),
                                              text_of(&p, s->pairs[i].match)) != NULL;
    release(&p);
    return rc;
}

static int put(const struct semantic *s, const struct pair *p, struct error *error)
{
    char words[96];
    (void)snprintf(words, sizeof words, "it means nearly the same (cosine %.3f) as", p->cosine);
    const struct wide_verdict v = {.rule = "semantic",
                                   .version = SEMANTIC_VERSION,
                                   .action = s->action,
                                   .row = s->rows[p->at],
                                   .match = p->match,
                                   .value = p->cosine,
                                   .threshold = s->threshold,
                                   .similarity = p->cosine,
                                   .words = words};
    return wide_put(s->w, &v, error);
}

/* In order of preference: what goes is no reason for others to go. */
static int settle(struct semantic *s, struct error *error)
{
    unsigned char gone[BLOCK] = {0};
    size_t pair = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct pair *why = NULL;
        for (; pair < s->n_pairs && s->pairs[pair].at == i; pair++) {
            const struct pair *p = &s->pairs[pair];
            bool match_gone = false;
            for (int j = 0; j < s->count[1][i]; j++) {
                const uint32_t at = s->found[1][i * SEMANTIC_MOST + (size_t)j].at;
                match_gone |= s->rows[at] == p->match && gone[at];
            }
            if (why == NULL && !p->variant && !match_gone)
                why = p;
        }
        if (why != NULL && put(s, why, error) != 0)
            return -1;
        gone[i] = why != NULL;
        if (why == NULL)
            s->kept[s->n_kept++] = s->rows[i];
    }
    return 0;
}

/* Living rows with an embedding, in order of preference. */
static uint32_t *embedded(const struct wide *w, const struct embeddings *e, size_t *n)
{
    size_t all = 0;
    uint32_t *rows = wide_order(w, &all);
    *n = 0;
    for (size_t i = 0; i < all; i++)
        if (e->has[rows[i]])
            rows[(*n)++] = rows[i];
    return rows;
}

static int stopped(struct error *error)
{
    return signals_draining()
               ? error_set(error, ERROR_INTERRUPTED, "stopped; no verdict of this run was stored")
               : 0;
}

int semantic_run(const struct wide *w, const struct embeddings *e, struct error *error)
{
    struct semantic *s = mem_zero(1, sizeof *s);
    size_t n = 0;
    uint32_t *rows = embedded(w, e, &n);
    int rc = 0;
    s->w = w;
    s->e = e;
    s->threshold = recipe_number(w->recipe, "filter.semantic.threshold");
    s->action = wide_action(w, "filter.semantic.action");
    s->kept = mem_alloc(n * sizeof *s->kept + 1);
    for (size_t from = 0; from < n && rc == 0; from += BLOCK) {
        bool any = false;
        s->rows = rows + from;
        s->n = n - from < BLOCK ? n - from : BLOCK;
        s->n_pairs = 0;
        for (size_t i = 0; i < s->n; i++)
            any |= is_new(s, s->rows[i]);
        if (any)
            find_pairs(s);
        rc = check_pairs(s, error);
        if (rc == 0)
            rc = settle(s, error);
        if (rc == 0)
            rc = stopped(error);
    }
    mem_free(s->kept);
    mem_free(rows);
    mem_free(s);
    return rc;
}

int semantic_density(const struct wide *w, const struct embeddings *e, struct score_column *column,
                     struct error *error)
{
    size_t n = 0;
    uint32_t *rows = embedded(w, e, &n);
    struct neighbour *found = mem_alloc(BLOCK * DENSITY_NEAREST * sizeof *found);
    int count[BLOCK], rc = 0;
    for (size_t from = 0; from < n && rc == 0; from += BLOCK) {
        const struct neighbours q = {.e = e,
                                     .pool = w->pool,
                                     .rows = rows + from,
                                     .n = n - from < BLOCK ? n - from : BLOCK,
                                     .among = rows,
                                     .n_among = n,
                                     .least = -2,
                                     .most = DENSITY_NEAREST};
        neighbours_find(&q, found, count);
        for (size_t i = 0; i < q.n; i++) {
            double sum = 0;
            if (w->x->entries[q.rows[i]].flags & INDEX_FOREIGN)
                continue;
            for (int k = 0; k < count[i]; k++)
                sum += (double)found[i * DENSITY_NEAREST + (size_t)k].product;
            column->values[q.rows[i]] = count[i] > 0 ? sum / count[i] : (double)NAN;
        }
        rc = stopped(error);
    }
    mem_free(found);
    mem_free(rows);
    return rc == 0 ? scores_store(w, column, e->version, error) : rc;
}
