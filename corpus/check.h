/*
 * Is the file whole, and does what must always hold (docs/dataset.md) hold?
 */
#ifndef CORPUS_CHECK_H
#define CORPUS_CHECK_H

#include "core/buf.h"
#include "core/error.h"
#include "corpus/corpus.h"

/*
 * SQLite's integrity and foreign-key checks; the running totals recounted; each request answered,
 * failed with a cause, or waiting; each reply attempted; each sample's stored identity computed
 * again; each packed body unpacked.  Reads everything, changes nothing.  One line a finding is
 * appended, at most a few of each kind.  Returns the number of findings, or -1.
 */
int check_run(struct corpus *c, struct buf *findings, struct error *error);

#endif
