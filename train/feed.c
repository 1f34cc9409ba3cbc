#include "train/feed.h"

#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

static void reserve(struct feed *f, const struct examples *e, const uint32_t *which, size_t n)
{
    size_t tokens = 0, supervised = 0;
    for (size_t i = 0; i < n; i++) {
        tokens += e->items[which[i]].length;
        supervised += e->spans ? e->items[which[i]].length : e->items[which[i]].supervised;
    }
    f->ids = vec_reserve(f->ids, &f->cap_ids, tokens, sizeof *f->ids);
    f->starts = vec_reserve(f->starts, &f->cap_starts, n + 1, sizeof *f->starts);
    f->rows = vec_reserve(f->rows, &f->cap_rows, supervised, sizeof *f->rows);
    f->targets = vec_reserve(f->targets, &f->cap_targets, supervised, sizeof *f->targets);
    if (e->targets != NULL)
        f->types = vec_reserve(f->types, &f->cap_types, tokens, sizeof *f->types);
    f->losses = vec_reserve(f->losses, &f->cap_losses, supervised, sizeof *f->losses);
}

/* An encoder's rows: tokens with a target; of answers all, each with whether it begins or ends one.
 * Returns how many. */
static int32_t put_targets(struct feed *f, const struct examples *e, const struct example *x,
                           int32_t at, int32_t supervised)
{
    const int32_t *targets = e->targets + x->first;
    for (uint32_t i = 0; i < x->length; i++) {
        if (targets[i] < 0)
            continue;
        f->rows[supervised] = at + (int32_t)i;
        f->targets[supervised++] = e->spans ? targets[i] & 1 : targets[i];
    }
    memcpy(f->types + at, e->types + x->first, x->length * sizeof *f->types);
    return supervised;
}

void feed_fill(struct feed *f, const struct examples *e, const uint32_t *which, size_t n)
{
    int32_t at = 0, supervised = 0;
    reserve(f, e, which, n);
    for (size_t s = 0; s < n; s++) {
        const struct example *x = &e->items[which[s]];
        const int32_t *ids = e->ids + x->first;
        const uint8_t *mask = e->mask + x->first;
        f->starts[s] = at;
        memcpy(f->ids + at, ids, x->length * sizeof *ids);
        if (e->targets != NULL) {
            supervised = put_targets(f, e, x, at, supervised);
            at += (int32_t)x->length;
            continue;
        }
        for (uint32_t i = 1; i < x->length; i++) {
            if (!mask[i])
                continue;
            f->rows[supervised] = at + (int32_t)i - 1;
            f->targets[supervised++] = ids[i];
        }
        at += (int32_t)x->length;
    }
    f->starts[n] = at;
    f->batch = (struct batch){.ids = f->ids,
                              .starts = f->starts,
                              .rows = f->rows,
                              .targets = f->targets,
                              .types = e->targets != NULL ? f->types : NULL,
                              .tokens = at,
                              .segments = (int32_t)n,
                              .supervised = supervised};
}

double feed_segment_loss(const struct feed *f, int32_t segment, int32_t *rows)
{
    double sum = 0;
    *rows = 0;
    for (int32_t i = 0; i < f->batch.supervised; i++) {
        if (f->rows[i] < f->starts[segment] || f->rows[i] >= f->starts[segment + 1])
            continue;
        sum += (double)f->losses[i];
        ++*rows;
    }
    return sum;
}

void feed_free(struct feed *f)
{
    mem_free(f->ids);
    mem_free(f->types);
    mem_free(f->starts);
    mem_free(f->rows);
    mem_free(f->targets);
    mem_free(f->losses);
    *f = FEED;
}
