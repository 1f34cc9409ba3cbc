/*
 * Candidate pairs of near-duplicates: rows that meet in at least one of the 32 bands and whose
 * sketches do not rule the threshold out.  Two texts that differ in digits alone are variants by
 * definition and no candidates: templates with numbers would give pairs without end.
 *
 * A bucket of a band with more than NEAR_BUCKET rows (a template, a shared preamble) is split by
 * the next bands until its parts are small, so that the work stays near-linear; two rows of an
 * oversized bucket are then found if they agree in two neighbouring bands anywhere, which at
 * j = .8 fails once in 280 pairs.  Rows whose signatures agree wholly are compared with the
 * NEAR_WINDOW rows before them.
 */
#ifndef FILTER_NEAR_H
#define FILTER_NEAR_H

#include "core/error.h"
#include "core/pool.h"
#include "filter/index.h"

enum { NEAR_BUCKET = 1024, NEAR_WINDOW = 64 };

struct near_pair {
    uint32_t a, b; /* places in the index, a < b */
};

struct near_pairs {
    struct near_pair *items; /* sorted, distinct */
    size_t n, cap;
    size_t met, split; /* pairs that met in a band, with repeats; oversized buckets */
};

/* take[i] says whether row i takes part.  A pair needs at least one row that is not INDEX_OLD or
 * INDEX_FOREIGN. */
int near_candidates(const struct index *x, const unsigned char *take, double threshold,
                    struct pool *pool, struct near_pairs *out, struct error *error);
void near_free(struct near_pairs *p);

#endif
