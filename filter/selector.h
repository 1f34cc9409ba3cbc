/*
 * Ways of choosing some rows of a stratum.  A way is one file under filter/selectors/ with a const
 * struct and a line in the table of selectors.c.
 */
#ifndef FILTER_SELECTOR_H
#define FILTER_SELECTOR_H

#include "core/error.h"
#include "filter/space.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a row is not chosen. */
struct left_out {
    double value, threshold, similarity; /* NAN: none */
    uint32_t match;                      /* a chosen row of the index, WIDE_NONE */
    char why[160];                       /* with a match: what stands before "sample 7" */
};

struct stratum {
    const struct wide *w;
    const struct space *space; /* for those that need one */
    const char *name;          /* NULL: all rows are one */
    const uint32_t *rows;      /* candidates, of the index, by their bytes */
    size_t n, quota;           /* 0 < quota < n */
    const double *score;       /* by row of the index, larger is better; NAN unknown, NULL none */
    double sign;               /* -1: scores were turned round, the lowest is best */
    double diversity;
    uint64_t seed;
    unsigned char *chosen; /* by place in rows; those of a person's word are 1 already */
    size_t n_chosen;
    struct left_out *left; /* by place: filled for all that are not chosen */
};

struct selector {
    const char *name;
    bool needs_score, needs_space;
    int (*choose)(struct stratum *s, struct error *error);
};

extern const struct selector *const selectors[]; /* NULL-ended */
const struct selector *selector_find(const char *name);

/* For their use. */
void selector_choose(struct stratum *s, size_t place);
/* Places by score, the best first, those without a score last. */
uint32_t *selector_by_score(const struct stratum *s);
/* Say that the rest is alike the nearest of the chosen rows. */
void selector_leave_near(struct stratum *s, const char *why);
/* The score as the user knows it. */
double selector_score(const struct stratum *s, size_t place);

#endif
