#include "train/course.h"

#include "core/mem.h"

#include <math.h>

/* Plan an epoch and turn places in which[] into numbers of the set. */
static void plan(struct course *c, uint64_t epoch)
{
    pack_epoch(&c->pack, c->lengths, c->n, &c->limits, c->seed, epoch);
    for (size_t i = 0; i < c->n; i++)
        c->pack.order[i] = c->which[c->pack.order[i]];
    c->epoch = epoch;
}

void course_open(struct course *c, const struct examples *e, const uint32_t *which, size_t n,
                 const struct pack_limits *limits, uint64_t seed)
{
    *c = (struct course){.pack = PACK, .which = which, .n = n, .limits = *limits, .seed = seed};
    c->lengths = mem_alloc((n + 1) * sizeof *c->lengths);
    for (size_t i = 0; i < n; i++)
        c->lengths[i] = e->items[which[i]].length;
    plan(c, 0);
    c->first_epoch = c->pack.n_steps;
}

void course_count(struct course *c, double epochs, uint64_t steps)
{
    double whole = floor(epochs), part = epochs - whole;
    if (steps != 0) {
        c->total = steps;
        return;
    }
    c->total = 0;
    for (uint64_t e = 0; e < (uint64_t)whole; e++) {
        plan(c, e);
        c->total += c->pack.n_steps;
    }
    if (part > 0) {
        plan(c, (uint64_t)whole);
        c->total += (uint64_t)ceil(part * (double)c->pack.n_steps);
    }
}

void course_close(struct course *c)
{
    pack_free(&c->pack);
    mem_free(c->lengths);
    c->lengths = NULL;
}

const struct pack_step *course_at(struct course *c, uint64_t *epoch, uint64_t *in_epoch)
{
    if (c->epoch != *epoch)
        plan(c, *epoch);
    if (*in_epoch >= c->pack.n_steps) {
        *in_epoch = 0;
        plan(c, ++*epoch);
    }
    return &c->pack.steps[*in_epoch];
}
