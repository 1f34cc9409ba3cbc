/*
 * One walk over all rows: how long their texts are, how they ended, where they came from, and an
 * even choice of rows to read.
 */
#ifndef REPORT_SURVEY_H
#define REPORT_SURVEY_H

#include "core/error.h"
#include "core/json.h"
#include "core/progress.h"
#include "corpus/corpus.h"

#include <stddef.h>
#include <stdint.h>

/* Bins of length: bin i holds texts of SURVEY_EDGE(i) up to SURVEY_EDGE(i + 1) characters; two a
 * doubling. */
enum { SURVEY_BINS = 44, SURVEY_NAMES = 24 };
double survey_edge(size_t i);

struct survey_count {
    char name[64];
    uint64_t n, kept;
};

struct survey {
    uint64_t total, kept;
    uint64_t prompt[2][SURVEY_BINS], output[2][SURVEY_BINS];          /* [0] kept, [1] removed */
    uint64_t prompt_sum, output_sum;                                  /* characters of kept rows */
    struct survey_count sources[SURVEY_NAMES], reasons[SURVEY_NAMES]; /* the last: all others */
    size_t n_sources, n_reasons;
    int64_t *chosen; /* numbers of the rows to read, ascending */
    size_t n_chosen;
};

/* choose: how many rows at most; removed ones get up to half of them. */
int survey_run(struct corpus *c, size_t choose, struct progress *progress, struct survey *out,
               struct error *error);
void survey_clear(struct survey *s);

#endif
