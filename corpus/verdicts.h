/*
 * Verdicts and scores: why a sample stays or goes.
 *
 * Removing is a verdict and nothing else; a sample is removed when any rule says 'remove', unless
 * a person (rule "human") said 'keep'.
 */
#ifndef CORPUS_VERDICTS_H
#define CORPUS_VERDICTS_H

#include "core/error.h"
#include "core/slice.h"
#include "corpus/corpus.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum verdict_action { VERDICT_REMOVE, VERDICT_FLAG, VERDICT_KEEP };
const char *verdicts_action_name(enum verdict_action action);

#define VERDICT_HUMAN "human"

/* The query for how many samples are removed. */
#define VERDICTS_REMOVED                                                                           \
    "SELECT count(DISTINCT sample_id) FROM verdict v WHERE action = 'remove'"                      \
    " AND NOT EXISTS (SELECT 1 FROM verdict h WHERE h.sample_id = v.sample_id"                     \
    "                 AND h.rule = 'human' AND h.action = 'keep')"

struct verdict {
    int64_t sample_id;
    const char *rule;
    int version;
    enum verdict_action action;
    double value, threshold;    /* NAN: none */
    const char *field;          /* NULL: no span */
    int64_t span_from, span_to; /* bytes */
    int64_t match_id;           /* 0: none */
    double similarity;          /* NAN: none */
    struct slice why;           /* absent: none */
};

int verdicts_put(struct corpus *c, const struct verdict *v, struct error *error); /* replaces */
/* The same for many, faster. */
int verdicts_put_all(struct corpus *c, const struct verdict *v, size_t n, struct error *error);
/* Forget what the machine said (rule NULL: every rule) but never a person's decision. */
int verdicts_clear(struct corpus *c, const char *rule, struct error *error);
/* Forget one verdict of one sample, a person's included. */
int verdicts_withdraw(struct corpus *c, int64_t sample_id, const char *rule, struct error *error);
/* The verdicts of one sample (sample_id 0: of all, by sample), in order of rule.  fn returns 0 to
 * go on, 1 to stop, -1 with the error set; texts are valid during the call. */
int verdicts_each(struct corpus *c, int64_t sample_id,
                  int (*fn)(void *context, const struct verdict *v, struct error *error),
                  void *context, struct error *error);

/*
 * Sum up the verdicts into tallies ("verdicts.removed": samples; "removed.RULE", "flagged.RULE"),
 * so that status need not walk them.  They hold until a verdict changes.  Nothing is done where
 * they still hold.  runs_end calls it.
 */
int verdicts_settle(struct corpus *c, struct error *error);
bool verdicts_settled(struct corpus *c);
/* How many samples are removed; -1 on failure. */
int64_t verdicts_removed(struct corpus *c, struct error *error);

int scores_put(struct corpus *c, int64_t sample_id, const char *name, int version, double value,
               struct error *error);
/* NAN where there is none. */
double scores_get(struct corpus *c, int64_t sample_id, const char *name);
/* Forget a score of all samples (a new version of how it is measured). */
int scores_clear(struct corpus *c, const char *name, struct error *error);

#endif
