#include "train/tasks.h"

#include "core/mem.h"
#include "core/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct place {
    uint64_t task;
    uint32_t at;
};

struct group {
    size_t first, size, wanted; /* places[first .. first + size) */
    double rest;                /* of the share, behind the whole number */
    size_t number;
};

static int by_task(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->task != y->task)
        return x->task < y->task ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int by_rest(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->rest != y->rest)
        return x->rest > y->rest ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_number(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static size_t part(const struct place *p, size_t n, struct group *groups)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || p[i].task != p[i - 1].task) {
            groups[count] = (struct group){.first = i, .number = count};
            count++;
        }
        groups[count - 1].size++;
    }
    return count;
}

/* Whole numbers that sum to n, by the largest rest. */
static void share_out(struct group *g, size_t count, size_t n, double power)
{
    double sum = 0;
    size_t given = 0;
    for (size_t i = 0; i < count; i++)
        sum += pow((double)g[i].size, power);
    for (size_t i = 0; i < count; i++) {
        const double share = (double)n * pow((double)g[i].size, power) / sum;
        g[i].wanted = (size_t)share;
        g[i].rest = share - floor(share);
        given += g[i].wanted;
    }
    qsort(g, count, sizeof *g, by_rest);
    for (size_t i = 0; given < n; i = (i + 1) % count, given++)
        g[i].wanted++;
    qsort(g, count, sizeof *g, by_number);
}

/* The examples [from, from + wanted) of an endless row of permutations of the group. */
static uint32_t *take(const struct tasks *t, const struct group *g, const struct place *p,
                      uint64_t from, uint32_t *out)
{
    uint32_t *order = mem_alloc(g->size * sizeof *order);
    uint64_t round = UINT64_MAX;
    for (uint64_t i = from; i < from + g->wanted; i++) {
        if (i / g->size != round) {
            struct rng r;
            round = i / g->size;
            r = rng_new(t->seed ^ p[g->first].task, round);
            rng_permutation(&r, order, g->size);
        }
        *out++ = p[g->first + order[i % g->size]].at;
    }
    mem_free(order);
    return out;
}

void tasks_epoch(const struct tasks *t, uint64_t epoch, uint32_t *out)
{
    struct place *p = mem_alloc((t->n + 1) * sizeof *p);
    struct group *groups = mem_alloc((t->n + 1) * sizeof *groups);
    size_t count;
    for (size_t i = 0; i < t->n; i++)
        p[i] = (struct place){t->of[i], (uint32_t)i};
    qsort(p, t->n, sizeof *p, by_task);
    count = part(p, t->n, groups);
    share_out(groups, count, t->n, t->power);
    for (size_t i = 0; i < count; i++)
        out = take(t, &groups[i], p, epoch * groups[i].wanted, out);
    mem_free(groups);
    mem_free(p);
}
