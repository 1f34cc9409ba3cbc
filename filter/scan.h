/*
 * The first pass: read the rows in batches, judge each by the row rules, and take its identity
 * and signature.  Batches are cut by rows and bytes, never by threads; while one is judged the next
 * is read and the signatures of the one before are stored.
 */
#ifndef FILTER_SCAN_H
#define FILTER_SCAN_H

#include "core/error.h"
#include "core/pool.h"
#include "core/progress.h"
#include "corpus/corpus.h"
#include "filter/chosen.h"
#include "filter/index.h"
#include "filter/ledger.h"

enum { SCAN_ROWS = 8192, SCAN_BYTES = 16 << 20, SCAN_TASK = 64 };

struct scan {
    const struct chosen *chosen;
    struct corpus *corpus;
    struct pool *pool;
    struct progress *progress;
    struct index *index;
    struct ledger *ledger; /* NULL: take signatures only */
    const char *spill_dir;
    size_t known;        /* the first `known` entries of the index have their signatures */
    uint32_t flags;      /* set on every entry that is appended */
    bool languages;      /* tell the language of each reply, for the report */
    bool kept_only;      /* only rows that are kept */
    bool keep;           /* store the signatures that are new */
    int64_t after, last; /* ids (after, last] */
    uint64_t rows;       /* out: rows seen */
    uint64_t total;      /* rows there are, 0 where that is not known: for progress, and for room */
};

/* A row that a rule removes gets INDEX_REMOVED. */
int scan_run(struct scan *s, struct error *error);

#endif
