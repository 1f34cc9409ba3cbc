/*
 * facility_location: the rows that stand best for all, by greedy maximisation of the sum over rows
 * of the similarity to their nearest chosen row; at least 1 - 1/e of the best sum.  Lazily (Minoux
 * 1978): a row's gain only falls, so one whose fresh gain is still the largest is the next.
 * n^2 similarities at first, then n a look.
 */
#include "filter/selector.h"

#include "core/mem.h"
#include "core/signals.h"

#include <string.h>

struct gain {
    double gain;
    uint32_t place;
    size_t when; /* how many were chosen when it was computed */
};

struct location {
    struct stratum *s;
    float *nearest; /* similarity to the nearest chosen row, at least 0 */
    float *now;
    struct gain *heap;
    size_t n;
};

static bool before(const struct gain *a, const struct gain *b)
{
    return a->gain != b->gain ? a->gain > b->gain : a->place < b->place;
}

static void sink(struct location *l, size_t at)
{
    for (;;) {
        size_t best = at;
        for (size_t k = 2 * at + 1; k <= 2 * at + 2 && k < l->n; k++)
            if (before(&l->heap[k], &l->heap[best]))
                best = k;
        if (best == at)
            return;
        const struct gain t = l->heap[at];
        l->heap[at] = l->heap[best];
        l->heap[best] = t;
        at = best;
    }
}

static void first_task(void *context, size_t task, int worker)
{
    struct location *l = context;
    const struct stratum *s = l->s;
    double sum = 0;
    (void)worker;
    for (size_t i = 0; i < s->n; i++) {
        const float c = space_similarity(s->space, s->rows[i], s->rows[task]) - l->nearest[i];
        sum += c > 0 ? (double)c : 0;
    }
    l->heap[task] = (struct gain){sum, (uint32_t)task, s->n_chosen};
}

static double gain_of(struct location *l, uint32_t place)
{
    const struct stratum *s = l->s;
    double sum = 0;
    space_to_all(s->space, s->rows[place], s->rows, s->n, l->now);
    for (size_t i = 0; i < s->n; i++)
        if (l->now[i] > l->nearest[i])
            sum += (double)(l->now[i] - l->nearest[i]);
    return sum;
}

static void take(struct location *l, size_t place)
{
    const struct stratum *s = l->s;
    selector_choose(l->s, place);
    space_to_all(s->space, s->rows[place], s->rows, s->n, l->now);
    for (size_t i = 0; i < s->n; i++)
        if (l->now[i] > l->nearest[i])
            l->nearest[i] = l->now[i];
}

static void take_best(struct location *l)
{
    for (;;) {
        struct gain *top = &l->heap[0];
        if (top->when == l->s->n_chosen || l->s->chosen[top->place])
            break;
        top->gain = gain_of(l, top->place);
        top->when = l->s->n_chosen;
        sink(l, 0);
    }
    const uint32_t place = l->heap[0].place;
    l->heap[0] = l->heap[--l->n];
    sink(l, 0);
    if (!l->s->chosen[place])
        take(l, place);
}

static int choose(struct stratum *s, struct error *error)
{
    struct location l = {.s = s,
                         .nearest = mem_zero(s->n + 1, sizeof(float)),
                         .now = mem_alloc(s->n * sizeof(float) + 1),
                         .heap = mem_alloc(s->n * sizeof(struct gain) + 1),
                         .n = s->n};
    int rc = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->chosen[i])
            take(&l, i);
    pool_run(s->w->pool, s->n, first_task, &l);
    for (size_t i = s->n / 2; i-- > 0;)
        sink(&l, i);
    while (s->n_chosen < s->quota && rc == 0) {
        take_best(&l);
        if (signals_draining())
            rc = error_set(error, ERROR_INTERRUPTED, "stopped; no verdict of this run was stored");
    }
    mem_free(l.nearest);
    mem_free(l.now);
    mem_free(l.heap);
    if (rc == 0)
        selector_leave_near(s, "represented by");
    return rc;
}

const struct selector selector_facility = {.name = "facility_location",
                                           .needs_space = true,
                                           .choose = choose};
