/*
 * deita: the best by score that are not too much like one already chosen (Liu et al. 2024: score
 * first, diversity aware).  Where too few are left, fewer than asked for are chosen.
 */
#include "filter/selector.h"

#include "core/mem.h"
#include "core/signals.h"

#include <math.h>
#include <stdio.h>

struct taken {
    uint32_t *rows;
    size_t n;
    float *now;
};

/* The chosen row that this one is too much like; WIDE_NONE. */
static uint32_t too_near(const struct stratum *s, struct taken *t, uint32_t row, float *similarity)
{
    uint32_t match = WIDE_NONE;
    *similarity = (float)s->diversity;
    space_to_all(s->space, row, t->rows, t->n, t->now);
    for (size_t i = 0; i < t->n; i++)
        if (t->now[i] > *similarity) {
            *similarity = t->now[i];
            match = t->rows[i];
        }
    return match;
}

static void look(struct stratum *s, struct taken *t, size_t place)
{
    struct left_out *l = &s->left[place];
    float similarity = 0;
    *l = (struct left_out){selector_score(s, place), (double)NAN, (double)NAN, WIDE_NONE, ""};
    if (s->n_chosen == s->quota) {
        (void)snprintf(l->why, sizeof l->why, "%zu of %zu with a better score were chosen before",
                       s->quota, s->n);
        return;
    }
    l->match = too_near(s, t, s->rows[place], &similarity);
    if (l->match == WIDE_NONE) {
        selector_choose(s, place);
        t->rows[t->n++] = s->rows[place];
        return;
    }
    l->similarity = (double)similarity;
    l->threshold = s->diversity;
    (void)snprintf(l->why, sizeof l->why, "too much like (similarity %.3f) the better",
                   (double)similarity);
}

static int choose(struct stratum *s, struct error *error)
{
    uint32_t *places = selector_by_score(s);
    struct taken t = {.rows = mem_alloc(s->n * sizeof *t.rows + 1),
                      .now = mem_alloc(s->n * sizeof *t.now + 1)};
    int rc = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->chosen[i])
            t.rows[t.n++] = s->rows[i];
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        if (!s->chosen[places[i]])
            look(s, &t, places[i]);
        if (signals_draining())
            rc = error_set(error, ERROR_INTERRUPTED, "stopped; no verdict of this run was stored");
    }
    mem_free(places);
    mem_free(t.rows);
    mem_free(t.now);
    return rc;
}

const struct selector selector_deita = {.name = "deita",
                                        .needs_score = true,
                                        .needs_space = true,
                                        .choose = choose};
