/*
 * k_center: again and again the row that is least like all chosen ones (Gonzalez 1985; the greedy
 * core-set of Sener and Savarese 2018), from one that its bytes decide on.  Its covering radius is at most
 * twice the best one.
 */
#include "filter/selector.h"

#include "core/mem.h"
#include "core/signals.h"

struct cover {
    float *nearest, *now; /* to the chosen rows; to the last one */
};

static void take(struct stratum *s, struct cover *c, size_t place)
{
    selector_choose(s, place);
    space_to_all(s->space, s->rows[place], s->rows, s->n, c->now);
    for (size_t i = 0; i < s->n; i++)
        if (c->now[i] > c->nearest[i])
            c->nearest[i] = c->now[i];
}

/* Rows without a place in space come last. */
static size_t farthest(const struct stratum *s, const struct cover *c)
{
    size_t best = s->n;
    for (size_t i = 0; i < s->n; i++)
        if (!s->chosen[i] && space_has(s->space, s->rows[i]) &&
            (best == s->n || c->nearest[i] < c->nearest[best]))
            best = i;
    for (size_t i = 0; i < s->n && best == s->n; i++)
        if (!s->chosen[i])
            best = i;
    return best;
}

static int choose(struct stratum *s, struct error *error)
{
    struct cover c = {mem_alloc(s->n * sizeof(float) + 1), mem_alloc(s->n * sizeof(float) + 1)};
    int rc = 0;
    for (size_t i = 0; i < s->n; i++)
        c.nearest[i] = -2;
    for (size_t i = 0; i < s->n; i++)
        if (s->chosen[i])
            take(s, &c, i);
    while (s->n_chosen < s->quota && rc == 0) {
        take(s, &c, farthest(s, &c));
        if (signals_draining())
            rc = error_set(error, ERROR_INTERRUPTED, "stopped; no verdict of this run was stored");
    }
    mem_free(c.nearest);
    mem_free(c.now);
    if (rc == 0)
        selector_leave_near(s, "covered by");
    return rc;
}

const struct selector selector_k_center = {.name = "k_center",
                                           .needs_space = true,
                                           .choose = choose};
