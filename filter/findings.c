#include "filter/findings.h"

#include "core/mem.h"

#include <math.h>
#include <stdio.h>

enum { DEDUP_VERSION = 1 };
#define NONE FINDINGS_NONE

uint32_t *findings_rows(size_t n)
{
    uint32_t *a = mem_alloc(n * sizeof *a + 1);
    for (size_t i = 0; i < n; i++)
        a[i] = NONE;
    return a;
}

void findings_open(struct findings *f, size_t n)
{
    *f = (struct findings){.same = findings_rows(n),
                           .keeper = findings_rows(n),
                           .similarity = mem_zero(n + 1, sizeof *f->similarity),
                           .variant = findings_rows(n),
                           .variant_similarity = mem_zero(n + 1, sizeof *f->variant_similarity),
                           .variant_why = mem_zero(n + 1, sizeof *f->variant_why),
                           .against = findings_rows(n)};
}

void findings_close(struct findings *f)
{
    mem_free(f->same);
    mem_free(f->keeper);
    mem_free(f->similarity);
    mem_free(f->variant);
    mem_free(f->variant_similarity);
    mem_free(f->variant_why);
    mem_free(f->against);
}

void findings_variant(struct findings *f, uint32_t row, uint32_t other,
                      const struct similar_result *r)
{
    const float similarity = (float)r->all;
    if (f->variant[row] != NONE && !(similarity > f->variant_similarity[row]))
        return;
    f->variant[row] = other;
    f->variant_similarity[row] = similarity;
    f->variant_why[row] = r->why;
}

bool findings_duplicate(const struct findings *f, uint32_t row)
{
    return f->same[row] != row || f->keeper[row] != NONE;
}

struct said {
    const char *rule, *words; /* words: "the same text as", before the match */
    enum verdict_action action;
    uint32_t match;
    double similarity, threshold;
};

/* What the verdicts are made of. */
struct put {
    const struct findings *f;
    const struct dedup *d;
    struct dedup_counts *counts;
};

static int put(const struct put *s, uint32_t row, const struct said *w, struct error *error)
{
    const struct index_entry *e = &s->d->x->entries[row], *m = &s->d->x->entries[w->match];
    const bool foreign = (m->flags & INDEX_FOREIGN) != 0;
    char why[256];
    (void)snprintf(why, sizeof why, "%s sample %lld%s%.120s", w->words, (long long)m->id,
                   foreign ? " of " : "", foreign ? s->d->foreign : "");
    const struct verdict v = {.sample_id = e->id,
                              .rule = w->rule,
                              .version = DEDUP_VERSION,
                              .action = w->action,
                              .value = w->similarity,
                              .threshold = w->threshold,
                              .match_id = foreign ? 0 : m->id,
                              .similarity = w->similarity,
                              .why = slice_of(why)};
    return ledger_add(s->d->ledger, &v, error);
}

static int put_duplicate(struct put *s, uint32_t row, struct error *error)
{
    const struct index_entry *e = &s->d->x->entries[row];
    const uint32_t same = s->f->same[row], keeper = s->f->keeper[same];
    const bool human = (e->flags & INDEX_HUMAN) != 0;
    if (same != row && index_lives(&s->d->x->entries[same])) {
        const bool flag = human || keeper != NONE;
        const struct said w = {
            "exact_duplicate", "the same text as", flag ? VERDICT_FLAG : VERDICT_REMOVE, same, 1,
            (double)NAN};
        s->counts->exact += !flag;
        if (put(s, row, &w, error) != 0)
            return -1;
    }
    if (keeper == NONE || human)
        return 0;
    s->counts->near++;
    const struct said w = {
        "near_duplicate", "nearly the same text as",      VERDICT_REMOVE,
        keeper,           (double)s->f->similarity[same], s->d->chosen->threshold};
    return put(s, row, &w, error);
}

static int put_variant(struct put *s, uint32_t row, struct error *error)
{
    char words[96];
    if (s->f->variant[row] == NONE || findings_duplicate(s->f, row))
        return 0;
    s->counts->variants++;
    (void)snprintf(words, sizeof words, "kept: differs by %s from", s->f->variant_why[row]);
    const struct said w = {"variant",
                           words,
                           VERDICT_FLAG,
                           s->f->variant[row],
                           (double)s->f->variant_similarity[row],
                           s->d->chosen->threshold};
    return put(s, row, &w, error);
}

static int put_row(struct put *s, uint32_t row, struct error *error)
{
    if (put_duplicate(s, row, error) != 0 || put_variant(s, row, error) != 0)
        return -1;
    if (s->f->against[row] == NONE)
        return 0;
    s->counts->contradictions++;
    const struct said w = {"contradiction", "the same prompt with another answer than",
                           VERDICT_FLAG,    s->f->against[row],
                           (double)NAN,     (double)NAN};
    return put(s, row, &w, error);
}

int findings_put(const struct findings *f, const struct dedup *d, struct dedup_counts *counts,
                 struct error *error)
{
    struct put s = {f, d, counts};
    for (size_t i = 0; i < d->x->n; i++)
        if (!index_settled(&d->x->entries[i]) && put_row(&s, (uint32_t)i, error) != 0)
            return -1;
    return 0;
}
