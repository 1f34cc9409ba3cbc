/*
 * What duplicate detection finds out about each row of the index, and the verdicts made of it.
 */
#ifndef FILTER_FINDINGS_H
#define FILTER_FINDINGS_H

#include "filter/dedup.h"
#include "filter/similar.h"

#include <stdbool.h>

#define FINDINGS_NONE UINT32_MAX

struct findings {
    uint32_t *same;    /* the best row with the same normalised text; itself mostly */
    uint32_t *keeper;  /* the row it nearly duplicates, or none */
    float *similarity; /* to its keeper */
    uint32_t *variant; /* the row most like it that differs in values alone, or none */
    float *variant_similarity;
    const char **variant_why;
    uint32_t *against; /* a row with the same prompt and another answer, or none */
};

/* An array of so many FINDINGS_NONE. */
uint32_t *findings_rows(size_t n);
/* Of n rows nothing is known but `same`, which is to be set. */
void findings_open(struct findings *f, size_t n);
void findings_close(struct findings *f);
/* `other` is a variant of the row; the one most like it is remembered, of equals the first. */
void findings_variant(struct findings *f, uint32_t row, uint32_t other,
                      const struct similar_result *r);
/* Is the row out? */
bool findings_duplicate(const struct findings *f, uint32_t row);
/* The verdicts on rows that are not settled, to the ledger, by row. */
int findings_put(const struct findings *f, const struct dedup *d, struct dedup_counts *counts,
                 struct error *error);

#endif
