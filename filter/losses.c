#include "filter/losses.h"

#include "core/mem.h"
#include "corpus/judging.h"

#include <string.h>

enum { MAX_NAMES = 64 };

/* What is counted of one rule. */
struct tally {
    char name[64];
    uint64_t removes, flags, alone;
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

static int count_one(void *context, const struct verdict *v, struct error *error)
{
    struct count *c = context;
    const size_t row = find_row(c->l->index, v->sample_id), rule = find_rule(c, v->rule);
    (void)error;
    if (row == c->l->index->n || rule >= MAX_NAMES - 1)
        return 0;
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
    if (strcmp(v->rule, VERDICT_HUMAN) == 0 || v->sample_id > c->l->through)
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
    }
    mem_free(c->masks);
    mem_free(c);
    return rc;
}
