/*
 * Where the texts of rows are read again, to verify what their signatures suggest: the datasets
 * they came from or, where all of them are at hand, memory.
 */
#ifndef FILTER_SOURCE_H
#define FILTER_SOURCE_H

#include "core/arena.h"
#include "core/error.h"
#include "corpus/corpus.h"
#include "corpus/samples.h"
#include "filter/index.h"
#include "filter/row.h"
#include "filter/similar.h"

struct source {
    /* Calls fn with the sample of row `row` of the index; its texts are valid during the call.  0,
     * or -1 with the error set.  Only one thread at a time calls it. */
    int (*text)(void *context, const struct index_entry *e, uint32_t row, samples_fn *fn, void *to,
                struct error *error);
    /* Around many reads: they see the same rows. */
    int (*hold)(void *context, struct error *error);
    void (*release)(void *context);
    void *context;
};

struct source_corpora {
    struct corpus *own, *foreign; /* foreign: of INDEX_FOREIGN rows, may be NULL */
};
/* `c` must outlive the source. */
struct source source_of(struct source_corpora *c);

/* Copies of the texts of rows, for comparing them. */
struct source_reader {
    const struct source *source;
    const struct index *x;
    struct arena arena; /* of the copies */
    struct row row;
};
#define SOURCE_READER(source, x) ((struct source_reader){source, x, ARENA, ROW})

int source_read(struct source_reader *r, uint32_t row, struct similar_row *out,
                struct error *error);
void source_close(struct source_reader *r);

#endif
