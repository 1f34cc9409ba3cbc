/*
 * The verdicts of a run before they are applied: an append-only log, in memory up to a limit and
 * in an unlinked temporary file beyond, so that its memory stays flat; and the counts the loss
 * report needs.
 */
#ifndef FILTER_LEDGER_H
#define FILTER_LEDGER_H

#include "core/buf.h"
#include "core/error.h"
#include "corpus/verdicts.h"

#include <stdint.h>
#include <stdio.h>

enum { LEDGER_MEMORY = 16 << 20, LEDGER_NAMES = 64 };

struct ledger {
    struct buf log;
    FILE *spill;
    uint64_t n;
    char *names[LEDGER_NAMES]; /* of ledger_name, each once */
};

void ledger_init(struct ledger *l);
void ledger_free(struct ledger *l);
/* A rule's name that is made while the filter runs, kept until the ledger is freed. */
const char *ledger_name(struct ledger *l, const char *name);
int ledger_add(struct ledger *l, const struct verdict *v, struct error *error);
/* In the order of adding; the rule is looked up by the name given when it was added, which must
 * be a string that outlives the ledger.  fn: 0 to go on, -1 with the error set. */
int ledger_each(struct ledger *l,
                int (*fn)(void *context, const struct verdict *v, struct error *error),
                void *context, struct error *error);
/* The same by sample, so that the table grows at its end; what lies in the temporary file comes
 * first and in the order of adding.  Verdicts on one sample keep their order. */
int ledger_by_sample(struct ledger *l,
                     int (*fn)(void *context, const struct verdict *v, struct error *error),
                     void *context, struct error *error);

#endif
