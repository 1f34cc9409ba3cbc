#include "gen/lane.h"

#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

void lane_init(struct lane *l, struct endpoint *teacher, int number, int64_t now_ns)
{
    memset(l, 0, sizeof *l);
    l->teacher = teacher;
    l->number = number;
    l->last_good_ns = now_ns;
    pace_init(&l->pace, &teacher->limits, now_ns);
    items_init(&l->ready);
    items_init(&l->again);
    items_init(&l->alone);
    items_init(&l->cleared);
}

static void free_all(struct items *list)
{
    struct item *i;
    while ((i = items_pop(list)) != NULL)
        item_free(i);
}

void lane_free(struct lane *l)
{
    free_all(&l->ready);
    free_all(&l->again);
    free_all(&l->alone);
    free_all(&l->cleared);
    for (size_t k = 0; k < l->n_retries; k++)
        item_free(l->retries[k]);
    mem_free(l->retries);
}

void lane_retry(struct lane *l, struct item *i)
{
    l->retries = vec_reserve(l->retries, &l->cap_retries, l->n_retries + 1, sizeof(void *));
    size_t at = l->n_retries++;
    for (; at && l->retries[(at - 1) / 2]->due_ns > i->due_ns; at = (at - 1) / 2)
        l->retries[at] = l->retries[(at - 1) / 2];
    l->retries[at] = i;
}

static struct item *pop_retry(struct lane *l)
{
    struct item *top = l->retries[0], *last = l->retries[--l->n_retries];
    size_t at = 0, child;
    for (; (child = 2 * at + 1) < l->n_retries; at = child) {
        if (child + 1 < l->n_retries && l->retries[child + 1]->due_ns < l->retries[child]->due_ns)
            child++;
        if (l->retries[child]->due_ns >= last->due_ns)
            break;
        l->retries[at] = l->retries[child];
    }
    l->retries[at] = last;
    return top;
}

int64_t lane_due(struct lane *l, int64_t now_ns)
{
    while (l->n_retries && l->retries[0]->due_ns <= now_ns)
        items_add(&l->again, pop_retry(l));
    return l->n_retries ? l->retries[0]->due_ns : INT64_MAX;
}

size_t lane_waiting(const struct lane *l)
{
    return l->ready.n + l->again.n + l->alone.n + l->cleared.n + l->reserving + l->n_retries;
}
