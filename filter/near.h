/*
 * Candidate pairs of near-duplicates: rows that meet in at least one of the 32 bands and whose
 * sketches do not rule the threshold out.  Two texts that differ in digits alone are variants by
 * definition and no candidates: templates with numbers would give pairs without end.
 *
 * A bucket of a band with more than NEAR_BUCKET rows (a template, a shared preamble) is split by
 * the next bands until its parts are small: two rows of it are then found if they agree in two
 * neighbouring bands anywhere, which at j = .8 fails once in 280 pairs.  In a bucket or part of more
 * than NEAR_DENSE rows not all pairs are candidates, but each row with the preferred ones, which
 * are the likely keepers, and with its neighbours by content.  So the candidates of a row are
 * bounded (see filter/closest.h too); a template costs far less than all its pairs.
 */
#ifndef FILTER_NEAR_H
#define FILTER_NEAR_H

#include "core/error.h"
#include "core/pool.h"
#include "filter/index.h"
#include "filter/order.h"
#include "filter/pairs.h"

enum {
    NEAR_BUCKET = 1024,
    NEAR_DENSE = 48,
    NEAR_PART = 32,
    NEAR_LEADERS = 8,
    NEAR_WINDOW = 8,
    NEAR_LOOK = 4,
    NEAR_FIRST = 4
};

enum { NEAR_PAIRS = 8 << 20 }; /* at most about so many are gathered, 64 MB */

struct near_options {
    const unsigned char *take; /* not 0: the row takes part */
    double threshold;
    order_fn *preferred; /* the order of preference; NULL: that of the index */
    const void *context;
    /* Takes the pairs so far, sorted and distinct, when there are about NEAR_PAIRS of them; they are
     * then forgotten and may come again.  NULL: all are gathered. */
    int (*full)(void *state, const struct pairs *pairs, struct error *error);
    void *state;
};

/*
 * A template over and over: the pairs of rows with the NEAR_FIRST preferred ones of their bucket,
 * for the buckets of the first NEAR_LOOK bands that hold more than NEAR_BUCKET rows.  Whoever of
 * them duplicates a row that is kept need not be compared with the others.  Mostly there are none,
 * which is seen at little cost.
 */
int near_crowds(const struct index *x, const struct near_options *options, struct pool *pool,
                struct pairs *out, struct error *error);
/* A pair needs at least one row that is not INDEX_OLD or INDEX_FOREIGN.  Both give pairs sorted and
 * distinct. */
int near_candidates(const struct index *x, const struct near_options *options, struct pool *pool,
                    struct pairs *out, struct error *error);

#endif
