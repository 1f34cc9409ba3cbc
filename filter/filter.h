/*
 * The filter stage: judge the rows of a dataset.
 *
 * Every row gets the verdicts of all rules that fire on it; a row is removed when one of them
 * says so, and nothing is deleted.  Rows judged by an earlier run under the same settings keep
 * their verdicts: new rows are judged and compared with all old ones.  Changed settings judge
 * everything anew, with the stored signatures.  The verdicts are applied in one transaction, so a
 * reader sees the old ones or the new ones.  The same rows and recipe give the same verdicts
 * whatever the number of threads or the order of the rows.
 */
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include "core/buf.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/recipe.h"
#include "corpus/corpus.h"

#include <stdbool.h>
#include <stdint.h>

struct filter_options {
    int64_t run_id;
    bool dry_run;        /* report the losses, write nothing */
    bool again;          /* judge everything anew, signatures included */
    const char *against; /* another dataset whose kept rows count as here already; NULL none */
};

/* Appends one JSON object, the loss report, to `report`.  Stops between batches when the user
 * asks to (ERROR_INTERRUPTED; nothing of the run is applied). */
int filter_run(const struct recipe *recipe, struct corpus *corpus,
               const struct filter_options *options, struct progress *progress, struct buf *report,
               struct error *error);

/* A person's word on one sample (its name or number): keep it, or drop it for a reason. */
int filter_keep(struct corpus *corpus, const char *id, const char *why, struct error *error);
int filter_drop(struct corpus *corpus, const char *id, const char *why, struct error *error);
/* Take the person's word back. */
int filter_forget(struct corpus *corpus, const char *id, struct error *error);

#endif
