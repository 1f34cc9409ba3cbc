#include "filter/selector.h"

#include "core/mem.h"
#include "filter/order.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const struct selector selector_deita;
extern const struct selector selector_facility;
extern const struct selector selector_k_center;
extern const struct selector selector_random;
extern const struct selector selector_top;

const struct selector *const selectors[] = {&selector_random,   &selector_top,   &selector_k_center,
                                            &selector_facility, &selector_deita, NULL};

const struct selector *selector_find(const char *name)
{
    for (size_t i = 0; selectors[i] != NULL; i++)
        if (strcmp(selectors[i]->name, name) == 0)
            return selectors[i];
    return NULL;
}

void selector_choose(struct stratum *s, size_t place)
{
    s->n_chosen += !s->chosen[place];
    s->chosen[place] = 1;
}

double selector_score(const struct stratum *s, size_t place)
{
    return s->score != NULL ? s->sign * s->score[s->rows[place]] : (double)NAN;
}

static int by_score(const void *context, uint32_t a, uint32_t b)
{
    const struct stratum *s = context;
    const double x = s->score[s->rows[a]], y = s->score[s->rows[b]];
    if (isnan(x) || isnan(y))
        return (int)isnan(x) - (int)isnan(y);
    return (x < y) - (x > y);
}

uint32_t *selector_by_score(const struct stratum *s)
{
    uint32_t *places = mem_alloc(s->n * sizeof *places + 1);
    for (size_t i = 0; i < s->n; i++)
        places[i] = (uint32_t)i;
    order_sort(places, s->n, by_score, s); /* stable */
    return places;
}

struct nearest {
    struct stratum *s;
    const uint32_t *chosen; /* rows */
    size_t n;
    const char *why;
};

static void leave_task(void *context, size_t task, int worker)
{
    const struct nearest *k = context;
    const struct stratum *s = k->s;
    struct left_out *l = &s->left[task];
    float best = -2;
    (void)worker;
    if (s->chosen[task])
        return;
    *l = (struct left_out){selector_score(s, task), (double)NAN, (double)NAN, WIDE_NONE, ""};
    for (size_t i = 0; i < k->n; i++) {
        const float c = space_similarity(s->space, s->rows[task], k->chosen[i]);
        if (c > best) {
            best = c;
            l->match = k->chosen[i];
        }
    }
    if (k->n > 0)
        l->similarity = (double)best;
    (void)snprintf(l->why, sizeof l->why, "%s (similarity %.3f)", k->why, (double)best);
}

void selector_leave_near(struct stratum *s, const char *why)
{
    uint32_t *chosen = mem_alloc(s->n_chosen * sizeof *chosen + 1);
    struct nearest k = {.s = s, .chosen = chosen, .why = why};
    for (size_t i = 0; i < s->n; i++)
        if (s->chosen[i])
            chosen[k.n++] = s->rows[i];
    pool_run(s->w->pool, s->n, leave_task, &k);
    mem_free(chosen);
}
