/*
 * The rules that look at all rows: exact duplicates, near-duplicates, contradictions.
 *
 * The order of preference decides who is kept: a person's word, then rows no other rule removes,
 * then rows judged by an earlier run or found in another dataset, then what the recipe prefers
 * (a score, the longest reply …), then the bytes of the row, and only between equal bytes the
 * number of the row.  So the outcome does not depend on the order of rows.
 */
#ifndef FILTER_DEDUP_H
#define FILTER_DEDUP_H

#include "core/error.h"
#include "core/pool.h"
#include "filter/chosen.h"
#include "filter/index.h"
#include "filter/ledger.h"
#include "filter/source.h"

struct dedup {
    const struct chosen *chosen;
    struct index *x;
    const struct source *source; /* of the texts of the rows */
    const char *foreign;         /* the name of the other dataset, for INDEX_FOREIGN rows */
    struct pool *pool;
    struct ledger *ledger;
};

struct dedup_counts {
    size_t exact, near, contradictions, variants;          /* rows */
    size_t met, candidates, left_out, verified, oversized; /* pairs; left_out: of a crowd */
};

/* Adds the verdicts on rows that are new (not INDEX_OLD, INDEX_FOREIGN or INDEX_GONE), by row. */
int dedup_run(const struct dedup *d, struct dedup_counts *counts, struct error *error);

#endif
