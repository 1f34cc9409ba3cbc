/*
 * The page a person looks at: one self-contained HTML file that says what a dataset holds, what
 * was removed and why, what it cost, how the student learned, and lets one read the rows.
 *
 * It asks nothing of a network, shows what rows hold as text only, and works without scripts (all
 * but searching in the rows).
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "core/buf.h"
#include "core/error.h"
#include "core/progress.h"
#include "corpus/corpus.h"

#include <stddef.h>

struct report_options {
    size_t rows;       /* how many rows to put in for reading: all, or an even choice; 0: 1,000 */
    const char *title; /* NULL: the name of the dataset */
    int refresh_s;     /* the page asks for itself again every so many seconds; 0: never */
};

/* The page is appended; its size is some hundred kilobytes and about 2 KB a row. */
int report_html(struct corpus *c, const struct report_options *o, struct progress *progress,
                struct buf *out, struct error *error);

#endif
