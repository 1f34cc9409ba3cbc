#include "filter/losses.h"

#include "core/mem.h"
#include "corpus/judging.h"
#include "filter/select.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 64, NEAR_SAMPLES = 4, MOST_COMBINATIONS = 12, LENGTHS = 8 };

/* A removal that another threshold would undo first. */
struct edge {
    int64_t sample, match; /* match 0: none */
    double value, threshold;
};

/* What is counted of one rule. */
struct tally {
    char name[64];
    uint64_t removes, flags, alone;
    struct edge edges[NEAR_SAMPLES]; /* those closest to the threshold */
    size_t n_edges;
};

struct count {
    const struct losses *l;
    struct tally tallies[MAX_NAMES];
    size_t n;
    uint64_t *masks; /* of removing rules, one a row; the top bit: a person said keep */
};

static const uint64_t human_keep = UINT64_C(1) << 63;

static size_t find_rule(struct count *c, const char *name)
{
    size_t i = 0;
    while (i < c->n && strcmp(c->tallies[i].name, name) != 0)
        i++;
    if (i == c->n && c->n < MAX_NAMES - 1) {
        strncpy(c->tallies[i].name, name, sizeof c->tallies[i].name - 1);
        c->n++;
    }
    return i;
}

/* The row of a sample; index->n where it is not there. */
static size_t find_row(const struct index *x, int64_t id)
{
    size_t low = 0, high = x->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (x->entries[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < x->n && x->entries[low].id == id ? low : x->n;
}

static double margin(const struct edge *e)
{
    return fabs(e->value - e->threshold);
}

static void note_edge(struct tally *t, const struct verdict *v)
{
    const struct edge one = {v->sample_id, v->match_id, v->value, v->threshold};
    size_t at = t->n_edges;
    if (!isfinite(one.value) || !isfinite(one.threshold) ||
        (at == NEAR_SAMPLES && !(margin(&one) < margin(&t->edges[at - 1]))))
        return;
    at = at < NEAR_SAMPLES ? t->n_edges++ : at - 1;
    for (; at > 0 && margin(&one) < margin(&t->edges[at - 1]); at--)
        t->edges[at] = t->edges[at - 1];
    t->edges[at] = one;
}

static int count_one(void *context, const struct verdict *v, struct error *error)
{
    struct count *c = context;
    const size_t row = find_row(c->l->index, v->sample_id), rule = find_rule(c, v->rule);
    (void)error;
    if (row == c->l->index->n || rule >= MAX_NAMES - 1)
        return 0;
    if (v->action == VERDICT_REMOVE)
        note_edge(&c->tallies[rule], v);
    c->tallies[rule].removes += v->action == VERDICT_REMOVE;
    c->tallies[rule].flags += v->action == VERDICT_FLAG;
    if (v->action == VERDICT_REMOVE)
        c->masks[row] |= UINT64_C(1) << rule;
    else if (v->action == VERDICT_KEEP)
        c->masks[row] |= human_keep;
    return 0;
}

static int count_stored(void *context, const struct verdict *v, struct error *error)
{
    struct count *c = context;
    if (strcmp(v->rule, VERDICT_HUMAN) == 0 || v->sample_id > c->l->through ||
        (c->l->judged && strcmp(v->rule, SELECT_RULE) == 0))
        return 0;
    return count_one(context, v, error);
}

static int count_human(void *context, const struct standing *s, struct error *error)
{
    const struct verdict v = {.sample_id = s->sample_id,
                              .rule = VERDICT_HUMAN,
                              .action = s->human_keep ? VERDICT_KEEP : VERDICT_REMOVE};
    return s->human_keep || s->human_drop ? count_one(context, &v, error) : 0;
}

static void put_rows(const struct count *c, struct json *report)
{
    struct json *rows = json_new_object();
    uint64_t total = 0, removed = 0;
    for (size_t i = 0; i < c->l->index->n; i++) {
        if (c->l->index->entries[i].flags & INDEX_FOREIGN)
            continue;
        total++;
        removed += c->masks[i] != 0 && !(c->masks[i] & human_keep);
    }
    json_put_integer(rows, "total", (int64_t)total);
    json_put_integer(rows, "kept", (int64_t)(total - removed));
    json_put_integer(rows, "removed", (int64_t)removed);
    json_put(report, "rows", rows);
}

static void put_rules(struct count *c, struct json *report)
{
    struct json *list = json_new_array();
    for (size_t i = 0; i < c->l->index->n; i++)
        for (size_t r = 0; r < c->n; r++)
            c->tallies[r].alone += c->masks[i] == UINT64_C(1) << r;
    for (size_t r = 0; r < c->n; r++) {
        struct json *one = json_new_object();
        json_put_text(one, "rule", c->tallies[r].name);
        json_put_integer(one, "removes", (int64_t)c->tallies[r].removes);
        json_put_integer(one, "alone", (int64_t)c->tallies[r].alone);
        json_put_integer(one, "flags", (int64_t)c->tallies[r].flags);
        json_push(list, one);
    }
    json_put(report, "rules", list);
}

/* ---- details */

static bool stays(const struct count *c, size_t row)
{
    return c->masks[row] == 0 || (c->masks[row] & human_keep);
}

static int by_mask(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

struct combination {
    uint64_t mask, rows;
};

static int by_rows(const void *a, const void *b)
{
    const struct combination *x = a, *y = b;
    if (x->rows != y->rows)
        return x->rows < y->rows ? 1 : -1;
    return (x->mask > y->mask) - (x->mask < y->mask);
}

static void put_combination(const struct count *c, const struct combination *k, struct json *list)
{
    struct json *one = json_new_object();
    struct buf names = BUF;
    for (size_t r = 0; r < c->n; r++)
        if (k->mask >> r & 1)
            buf_printf(&names, "%s%s", names.len > 0 ? " + " : "", c->tallies[r].name);
    json_put_text(one, "rules", buf_text(&names));
    json_put_integer(one, "rows", (int64_t)k->rows);
    json_push(list, one);
    buf_free(&names);
}

/* Which rules remove a row together, the most frequent first. */
static void put_combinations(const struct count *c, struct json *report)
{
    uint64_t *masks = mem_alloc(c->l->index->n * sizeof *masks + 1);
    struct combination *all;
    struct json *list = json_new_array();
    size_t n = 0, kinds = 0;
    for (size_t i = 0; i < c->l->index->n; i++)
        if (!stays(c, i))
            masks[n++] = c->masks[i];
    if (n > 1)
        qsort(masks, n, sizeof *masks, by_mask);
    all = mem_alloc(n * sizeof *all + 1);
    for (size_t i = 0; i < n; i++) {
        if (kinds == 0 || all[kinds - 1].mask != masks[i])
            all[kinds++] = (struct combination){masks[i], 0};
        all[kinds - 1].rows++;
    }
    if (kinds > 1)
        qsort(all, kinds, sizeof *all, by_rows);
    for (size_t i = 0; i < kinds && i < MOST_COMBINATIONS; i++)
        put_combination(c, &all[i], list);
    json_put(report, "combinations", list);
    mem_free(masks);
    mem_free(all);
}

static double four_places(double x)
{
    return floor(x * 1e4 + 0.5) / 1e4;
}

static void put_edges(const struct count *c, struct json *report)
{
    struct json *list = json_new_array();
    for (size_t r = 0; r < c->n; r++)
        for (size_t i = 0; i < c->tallies[r].n_edges; i++) {
            const struct edge *e = &c->tallies[r].edges[i];
            struct json *one = json_new_object();
            json_put_text(one, "rule", c->tallies[r].name);
            json_put_integer(one, "sample", e->sample);
            json_put(one, "duplicate_of",
                     e->match != 0 ? json_new_integer(e->match) : json_new_null());
            json_put_number(one, "value", four_places(e->value));
            json_put_number(one, "threshold", four_places(e->threshold));
            json_push(list, one);
        }
    json_put(report, "near_the_threshold", list);
}

/* One line of a histogram; `random`: what a random subset of the kept size would hold. */
struct bar {
    const char *key, *name;
    uint64_t rows, kept;
};

static void put_bar(struct json *list, const struct bar *b, double share)
{
    struct json *one = json_new_object();
    json_put_text(one, b->key, b->name);
    json_put_integer(one, "rows", (int64_t)b->rows);
    json_put_integer(one, "kept", (int64_t)b->kept);
    json_put_integer(one, "random", (int64_t)((double)b->rows * share + 0.5));
    json_push(list, one);
}

static void put_lengths(const struct count *c, double share, struct json *report)
{
    static const uint32_t limits[LENGTHS] = {0, 10, 50, 200, 500, 1000, 2000, 5000};
    struct bar bars[LENGTHS] = {{NULL, NULL, 0, 0}};
    struct json *list = json_new_array();
    for (size_t i = 0; i < c->l->index->n; i++) {
        size_t k = LENGTHS - 1;
        while (k > 0 && c->l->index->entries[i].length < limits[k])
            k--;
        bars[k].rows++;
        bars[k].kept += stays(c, i);
    }
    for (size_t k = 0; k < LENGTHS; k++) {
        char name[32];
        (void)snprintf(name, sizeof name, "from %u", limits[k]);
        put_bar(list, &(struct bar){"characters", name, bars[k].rows, bars[k].kept}, share);
    }
    json_put(report, "lengths", list);
}

static void put_languages(const struct count *c, double share, struct json *report)
{
    uint32_t codes[MAX_NAMES];
    struct bar all[MAX_NAMES] = {{NULL, NULL, 0, 0}};
    struct json *list = json_new_array();
    size_t n = 0;
    for (size_t i = 0; i < c->l->index->n; i++) {
        const uint32_t code = c->l->index->entries[i].language;
        size_t k = 0;
        while (k < n && codes[k] != code)
            k++;
        if (k == MAX_NAMES)
            continue;
        n += k == n;
        codes[k] = code;
        all[k].rows++;
        all[k].kept += stays(c, i);
    }
    for (size_t k = 0; k < n; k++) {
        const char name[3] = {(char)(codes[k] >> 8), (char)(codes[k] & 0xFF), '\0'};
        all[k].key = "language";
        all[k].name = codes[k] != 0 ? name : "not told";
        put_bar(list, &all[k], share);
    }
    json_put(report, "languages", list);
}

static void put_details(const struct count *c, struct json *report)
{
    uint64_t kept = 0;
    for (size_t i = 0; i < c->l->index->n; i++)
        kept += stays(c, i);
    const double share = c->l->index->n > 0 ? (double)kept / (double)c->l->index->n : 0;
    put_combinations(c, report);
    put_edges(c, report);
    put_lengths(c, share, report);
    put_languages(c, share, report);
}

int losses_report(const struct losses *l, struct json *report, struct error *error)
{
    struct count *c = mem_zero(1, sizeof *c);
    int rc;
    c->l = l;
    c->masks = mem_zero(l->index->n + 1, sizeof *c->masks);
    rc = judging_standings(l->corpus, count_human, c, error);
    if (rc == 0 && l->stored)
        rc = verdicts_each(l->corpus, 0, count_stored, c, error);
    if (rc == 0)
        rc = ledger_each(l->ledger, count_one, c, error);
    if (rc == 0) {
        put_rows(c, report);
        put_rules(c, report);
        if (l->details)
            put_details(c, report);
    }
    mem_free(c->masks);
    mem_free(c);
    return rc;
}
