/*
 * gen: ask the teacher, lose nothing, pay nothing twice.
 *
 *   strategy ─► plan ─► key ─► reserve budget ─► pace ─► send ─► STORE RAW ─► parse ─► rows
 *       ▲                                                                       │
 *       └─────────────────────────── follow-up asks ◄───────────────────────────┘
 *
 * The calling thread runs everything but the file: it plans, sends, receives, parses.  One more
 * thread writes (corpus/writer.h).  A request is sent only after its row (and, under a budget, its
 * reservation) was committed; a reply is parsed only after its bytes were.
 */
#ifndef GEN_GEN_H
#define GEN_GEN_H

#include "core/buf.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/recipe.h"
#include "corpus/corpus.h"

#include <stdbool.h>
#include <stdint.h>

struct gen_options {
    int64_t run_id;   /* of corpus/runs.h; 0 with dry_run */
    bool dry_run;     /* count and estimate; send and write nothing */
    bool reparse;     /* make the rows again from stored replies; sends nothing */
    bool cancel;      /* cancel the batches that are with the teacher, fetch what they have */
    const char *redo; /* "truncated", "failed" or a cause: ask those again; NULL: no */
};

/* Run the recipe's gen block to its end, or as far as it goes.  One JSON object is appended to
 * report.  0: nothing is left to ask.  -1: ERROR_PARTIAL (something waits or may succeed later),
 * ERROR_INTERRUPTED, or another code; what was paid is stored in every case. */
int gen_run(const struct recipe *recipe, struct corpus *corpus, const struct gen_options *options,
            struct progress *progress, struct buf *report, struct error *error);

#endif
