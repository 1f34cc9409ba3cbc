/*
 * The loss report: what the verdicts take away, rule by rule, before or after they are applied.
 */
#ifndef FILTER_LOSSES_H
#define FILTER_LOSSES_H

#include "core/error.h"
#include "core/json.h"
#include "corpus/corpus.h"
#include "filter/index.h"
#include "filter/ledger.h"

struct losses {
    const struct index *index; /* its entries are in order of id */
    struct corpus *corpus;
    struct ledger *ledger; /* verdicts of this run */
    bool stored;           /* count the verdicts of the dataset too, up to `through` */
    bool judged; /* this run judged rows: what it selected stands in place of what is stored */
    int64_t through;
    bool details; /* combinations, samples near the threshold, lengths and languages */
};

/* Put the report's fields into an object. */
int losses_report(const struct losses *l, struct json *report, struct error *error);

#endif
