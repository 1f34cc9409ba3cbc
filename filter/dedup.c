#include "filter/dedup.h"

#include "core/mem.h"
#include "core/vec.h"
#include "filter/cluster.h"
#include "filter/findings.h"
#include "filter/hashsort.h"
#include "filter/near.h"
#include "filter/order.h"
#include "filter/twice.h"
#include "filter/verify.h"

#include <string.h>

#define NONE FINDINGS_NONE

struct state {
    const struct dedup *d;
    struct order order;
    struct findings f;
    struct cluster_edge *edges; /* of index rows */
    size_t n_edges, cap_edges;
    struct dedup_counts *counts;
};

static int by_preference(const void *context, uint32_t a, uint32_t b)
{
    return order_compare(context, a, b);
}

static int by_exact(const void *context, uint32_t a, uint32_t b)
{
    const struct order *o = context;
    const int rc = hash128_compare(o->entries[a].exact, o->entries[b].exact);
    return rc != 0 ? rc : order_compare(o, a, b);
}

/* Rows whose hashes agree in half: those that agree wholly stand for the preferred one. */
static void join_same(struct state *s, const struct hashsort_pair *group, size_t n,
                      unsigned char *take)
{
    const struct index_entry *e = s->d->x->entries;
    uint32_t few[16], *rows = n > 16 ? mem_alloc(n * sizeof *rows) : few;
    for (size_t i = 0; i < n; i++)
        rows[i] = group[i].rest;
    order_sort(rows, n, by_exact, &s->order);
    for (size_t i = 1; i < n; i++) {
        const uint32_t best = s->f.same[rows[i - 1]];
        if (hash128_compare(e[best].exact, e[rows[i]].exact) == 0) {
            s->f.same[rows[i]] = best;
            take[rows[i]] = 0;
        }
    }
    if (rows != few)
        mem_free(rows);
}

/* The rows that may have their text in common with another, by its hash. */
static size_t rows_met_twice(const struct index *x, const unsigned char *take,
                             struct hashsort_pair *out)
{
    struct twice met = twice_open(x->n);
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++)
        if (take[i])
            twice_meet(&met, (uint32_t)x->entries[i].exact.lo);
    for (size_t i = 0; i < x->n; i++)
        if (take[i] && twice_met(&met, (uint32_t)x->entries[i].exact.lo))
            out[n++] = (struct hashsort_pair){x->entries[i].exact.lo, 0, (uint32_t)i};
    twice_close(&met);
    hashsort_pairs(out, n);
    return n;
}

static void join_all_same(struct state *s, unsigned char *take)
{
    struct hashsort_pair *rows = mem_alloc(s->d->x->n * sizeof *rows + 1);
    const size_t n = rows_met_twice(s->d->x, take, rows);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && rows[to].hash == rows[from].hash; to++)
            ;
        if (to - from > 1)
            join_same(s, rows + from, to - from, take);
    }
    mem_free(rows);
}

/* same[i] for all rows; returns which rows stand for their group. */
static unsigned char *find_same(struct state *s)
{
    const struct index *x = s->d->x;
    unsigned char *take = mem_alloc(x->n + 1);
    for (size_t i = 0; i < x->n; i++) {
        s->f.same[i] = (uint32_t)i;
        take[i] = !(x->entries[i].flags & INDEX_GONE);
    }
    if (s->d->chosen->exact)
        join_all_same(s, take);
    return take;
}

static int found_pair(void *context, const struct verified *v, struct error *error)
{
    struct state *s = context;
    (void)error;
    s->counts->verified++;
    if (v->result.kind == SIMILAR_DUPLICATE) {
        s->edges = vec_reserve(s->edges, &s->cap_edges, s->n_edges + 1, sizeof *s->edges);
        s->edges[s->n_edges++] = (struct cluster_edge){v->a, v->b, (float)v->result.all};
    } else if (v->result.kind == SIMILAR_VARIANT) {
        findings_variant(&s->f, v->a, v->b, &v->result);
        findings_variant(&s->f, v->b, v->a, &v->result);
    }
    return 0;
}

/* Number the rows that have edges in order of preference; `edges` get the numbers. */
static uint32_t *number_rows(const struct state *s, struct cluster_edge *edges, size_t *n_rows)
{
    uint32_t *place = findings_rows(s->d->x->n),
             *rows = mem_alloc(2 * s->n_edges * sizeof *rows + 1);
    size_t n = 0;
    for (size_t i = 0; i < s->n_edges; i++)
        for (int k = 0; k < 2; k++) {
            const uint32_t row = k ? edges[i].b : edges[i].a;
            if (place[row] == NONE) {
                place[row] = 0;
                rows[n++] = row;
            }
        }
    order_rows(&s->order, rows, n);
    for (size_t i = 0; i < n; i++)
        place[rows[i]] = (uint32_t)i;
    for (size_t i = 0; i < s->n_edges; i++) {
        const uint32_t a = place[edges[i].a], b = place[edges[i].b];
        edges[i].a = a < b ? a : b;
        edges[i].b = a < b ? b : a;
    }
    mem_free(place);
    *n_rows = n;
    return rows;
}

static void resolve(struct state *s)
{
    size_t n = 0;
    struct cluster_edge *edges = mem_alloc(s->n_edges * sizeof *edges + 1);
    if (s->n_edges > 0)
        memcpy(edges, s->edges, s->n_edges * sizeof *edges);
    uint32_t *rows = number_rows(s, edges, &n), *keeper = mem_alloc(n * sizeof *keeper + 1);
    float *similarity = mem_alloc(n * sizeof *similarity + 1);
    unsigned char *may_keep = mem_zero(n + 1, 1), *never = mem_zero(n + 1, 1);
    for (size_t i = 0; i < n; i++) {
        const struct index_entry *e = &s->d->x->entries[rows[i]];
        may_keep[i] = index_lives(e);
        never[i] = index_settled(e) || (e->flags & INDEX_HUMAN);
    }
    cluster_resolve(&(struct cluster){.edges = edges,
                                      .n_edges = s->n_edges,
                                      .n = n,
                                      .may_keep = may_keep,
                                      .never = never,
                                      .keeper = keeper,
                                      .similarity = similarity});
    for (size_t i = 0; i < n; i++) {
        s->f.keeper[rows[i]] = keeper[i] != NONE ? rows[keeper[i]] : NONE;
        s->f.similarity[rows[i]] = similarity[i];
    }
    mem_free(edges);
    mem_free(rows);
    mem_free(keeper);
    mem_free(similarity);
    mem_free(may_keep);
    mem_free(never);
}

/* Verify the candidates and keep their edges. */
static int verify(void *context, const struct pairs *pairs, struct error *error)
{
    struct state *s = context;
    const struct dedup *d = s->d;
    const struct verify v = {.x = d->x,
                             .source = d->source,
                             .fields = d->chosen->near_fields,
                             .threshold = d->chosen->threshold,
                             .pool = d->pool,
                             .found = found_pair,
                             .context = s};
    s->counts->met += pairs->met;
    s->counts->oversized += pairs->split;
    s->counts->candidates += pairs->n;
    s->counts->left_out += pairs->left_out;
    return verify_pairs(&v, pairs->items, pairs->n, error);
}

/* Rows of a crowd that duplicate one of its first rows take no part in the search: out[i] is set
 * for them. */
static int thin_crowds(struct state *s, const struct near_options *options, unsigned char *out,
                       struct error *error)
{
    const struct dedup *d = s->d;
    struct pairs pairs = {.items = NULL};
    int rc = near_crowds(d->x, options, d->pool, &pairs, error);
    if (rc == 0 && pairs.n > 0 && (rc = verify(s, &pairs, error)) == 0) {
        resolve(s);
        for (size_t i = 0; i < d->x->n; i++)
            out[i] = s->f.keeper[i] != NONE;
    }
    pairs_free(&pairs);
    return rc;
}

/* The search among the rows that take part and are not out. */
static int search(struct state *s, const struct near_options *options, const unsigned char *out,
                  struct error *error)
{
    const size_t n = s->d->x->n;
    unsigned char *take = mem_alloc(n + 1);
    const struct near_options in = {.take = take,
                                    .threshold = options->threshold,
                                    .preferred = options->preferred,
                                    .context = options->context,
                                    .full = verify,
                                    .state = s};
    struct pairs pairs = {.items = NULL};
    for (size_t i = 0; i < n; i++)
        take[i] = options->take[i] && !out[i];
    int rc = near_candidates(s->d->x, &in, s->d->pool, &pairs, error);
    if (rc == 0)
        rc = verify(s, &pairs, error);
    pairs_free(&pairs);
    mem_free(take);
    if (rc == 0)
        resolve(s);
    return rc;
}

/* Rows that are out although the row they duplicated, was[i], has gone itself. */
static bool orphan(const struct state *s, const unsigned char *out, size_t i)
{
    return out[i] && s->f.keeper[i] == NONE;
}

/* Mostly such a row duplicates that one's keeper as well. */
static int adopt(struct state *s, const unsigned char *out, uint32_t *was, struct error *error)
{
    const size_t n = s->d->x->n;
    struct pairs pairs = {.items = NULL};
    int rc = 0;
    do {
        pairs.n = 0;
        for (size_t i = 0; i < n; i++) {
            if (!orphan(s, out, i) || was[i] == NONE)
                continue;
            const uint32_t row = (uint32_t)i, next = s->f.keeper[was[i]];
            if (next != NONE)
                pairs_push(&pairs, row, next);
            was[i] = next;
        }
        rc = pairs.n > 0 ? verify(s, &pairs, error) : 0;
        if (rc == 0 && pairs.n > 0)
            resolve(s);
    } while (rc == 0 && pairs.n > 0);
    pairs_free(&pairs);
    return rc;
}

/* The others come back in; how many. */
static size_t call_back(const struct state *s, unsigned char *out)
{
    size_t back = 0;
    for (size_t i = 0; i < s->d->x->n; i++)
        if (orphan(s, out, i)) {
            out[i] = 0;
            back++;
        }
    return back;
}

static int find_near(struct state *s, const unsigned char *take, struct error *error)
{
    const struct near_options options = {.take = take,
                                         .threshold = s->d->chosen->threshold,
                                         .preferred = by_preference,
                                         .context = &s->order};
    const size_t n = s->d->x->n;
    unsigned char *out = mem_zero(n + 1, 1);
    uint32_t *was = findings_rows(n);
    int rc = thin_crowds(s, &options, out, error);
    do {
        for (size_t i = 0; i < n; i++)
            was[i] = s->f.keeper[i];
        if (rc == 0)
            rc = search(s, &options, out, error);
        if (rc == 0)
            rc = adopt(s, out, was, error);
    } while (rc == 0 && call_back(s, out) > 0);
    mem_free(was);
    mem_free(out);
    return rc;
}

/* Rows that stay, have the same prompt and say something else. */
static void find_contradictions(struct state *s)
{
    const struct index *x = s->d->x;
    struct hashsort_pair *by_prompt = mem_alloc(x->n * sizeof *by_prompt + 1);
    uint32_t *rows = mem_alloc(x->n * sizeof *rows + 1);
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++)
        if (index_lives(&x->entries[i]) && x->entries[i].prompt != 0 &&
            !findings_duplicate(&s->f, (uint32_t)i))
            by_prompt[n++] = (struct hashsort_pair){x->entries[i].prompt, 0, (uint32_t)i};
    hashsort_pairs(by_prompt, n);
    for (size_t i = 0; i < n; i++)
        rows[i] = by_prompt[i].rest;
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && by_prompt[to].hash == by_prompt[from].hash; to++)
            ;
        order_sort(rows + from, to - from, by_preference, &s->order);
        for (size_t i = from + 1; i < to; i++)
            s->f.against[rows[i]] = rows[from];
        if (to - from > 1)
            s->f.against[rows[from]] = rows[from + 1];
    }
    mem_free(by_prompt);
    mem_free(rows);
}

/* For the rules that come after. */
static void mark_removed(const struct state *s)
{
    for (size_t i = 0; i < s->d->x->n; i++) {
        struct index_entry *e = &s->d->x->entries[i];
        if (!index_settled(e) && !(e->flags & INDEX_HUMAN) &&
            findings_duplicate(&s->f, (uint32_t)i))
            e->flags |= INDEX_REMOVED;
    }
}

int dedup_run(const struct dedup *d, struct dedup_counts *counts, struct error *error)
{
    const size_t n = d->x->n;
    struct state s = {.d = d, .order = {d->chosen, d->x->entries}, .counts = counts};
    findings_open(&s.f, n);
    unsigned char *take = find_same(&s);
    int rc = d->chosen->near ? find_near(&s, take, error) : 0;
    if (rc == 0 && d->chosen->contradiction)
        find_contradictions(&s);
    if (rc == 0)
        rc = findings_put(&s.f, d, counts, error);
    if (rc == 0)
        mark_removed(&s);
    mem_free(take);
    findings_close(&s.f);
    mem_free(s.edges);
    return rc;
}
