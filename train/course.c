#include "train/course.h"

#include "core/mem.h"

#include <math.h>

/* Which examples the epoch has, and their lengths. */
static void draw(struct course *c, uint64_t epoch)
{
    if (c->tasks.of != NULL)
        tasks_epoch(&c->tasks, epoch, c->drawn);
    for (size_t i = 0; i < c->n; i++) {
        if (c->tasks.of == NULL)
            c->drawn[i] = (uint32_t)i;
        c->lengths[i] = c->examples->items[c->which[c->drawn[i]]].length;
    }
}

/* Plan an epoch and turn places into numbers of the set. */
static void plan(struct course *c, uint64_t epoch)
{
    draw(c, epoch);
    pack_epoch(&c->pack, c->lengths, c->n, &c->limits, c->seed, epoch);
    for (size_t i = 0; i < c->n; i++)
        c->pack.order[i] = c->which[c->drawn[c->pack.order[i]]];
    c->epoch = epoch;
}

void course_open(struct course *c, const struct examples *e, const uint32_t *which, size_t n,
                 const struct pack_limits *limits, uint64_t seed)
{
    *c = (struct course){
        .pack = PACK, .examples = e, .which = which, .n = n, .limits = *limits, .seed = seed};
    c->lengths = mem_alloc((n + 1) * sizeof *c->lengths);
    c->drawn = mem_alloc((n + 1) * sizeof *c->drawn);
    plan(c, 0);
    c->first_epoch = c->pack.n_steps;
}

void course_by_task(struct course *c, const struct examples *e, double power)
{
    c->task_of = mem_alloc((c->n + 1) * sizeof *c->task_of);
    for (size_t i = 0; i < c->n; i++)
        c->task_of[i] = e->items[c->which[i]].task;
    c->tasks = (struct tasks){c->task_of, c->n, power, c->seed};
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
    mem_free(c->drawn);
    mem_free(c->task_of);
    c->lengths = c->drawn = NULL;
    c->task_of = NULL;
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
