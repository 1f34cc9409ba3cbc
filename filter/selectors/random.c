/*
 * random: rows drawn by lot, the baseline of every other way.  A row's lot is a hash of the seed and
 * of its bytes, so that it does not depend on the order of rows.
 */
#include "filter/selector.h"

#include "core/mem.h"
#include "core/rng.h"
#include "filter/order.h"

#include <math.h>
#include <stdio.h>

static uint64_t lot(const struct stratum *s, uint32_t place)
{
    return rng_at(s->seed, 0x5e1ec7, s->w->x->entries[s->rows[place]].content);
}

static int by_lot(const void *context, uint32_t a, uint32_t b)
{
    const uint64_t x = lot(context, a), y = lot(context, b);
    return (x > y) - (x < y);
}

static int choose(struct stratum *s, struct error *error)
{
    uint32_t *places = mem_alloc(s->n * sizeof *places + 1);
    (void)error;
    for (size_t i = 0; i < s->n; i++)
        places[i] = (uint32_t)i;
    order_sort(places, s->n, by_lot, s);
    for (size_t i = 0; i < s->n && s->n_chosen < s->quota; i++)
        selector_choose(s, places[i]);
    for (size_t i = 0; i < s->n; i++) {
        struct left_out *l = &s->left[i];
        *l = (struct left_out){(double)NAN, (double)NAN, (double)NAN, WIDE_NONE, ""};
        (void)snprintf(l->why, sizeof l->why, "not among the %zu of %zu drawn by lot", s->quota,
                       s->n);
    }
    mem_free(places);
    return 0;
}

const struct selector selector_random = {.name = "random", .choose = choose};
