/*
 * From sheets to numbers: accuracy with its interval per task, and pairs of models compared on the
 * same items.
 *
 * Right-or-wrong scores get Wilson's interval and McNemar's exact test; scores in between get the
 * bootstrap and the sign-flip test.  Differences always get the paired bootstrap.
 */
#ifndef EVAL_SCORE_H
#define EVAL_SCORE_H

#include "core/json.h"
#include "eval/interview.h"
#include "eval/stats.h"

struct score_how {
    double confidence; /* 0.95 */
    int rounds;        /* of bootstrap and sign flips */
    uint64_t seed;
};

/* Mean score of the items of a task (NULL: of all) with its interval; *n gets how many. */
struct interval score_task(const struct suite *s, const struct sheet *sheet, const char *task,
                           const struct score_how *how, size_t *n);

/* Append {"task", "model", "items", "accuracy", "low", "high", "failed"} for each task of the
 * suite, in order of appearance. */
void score_tasks(const struct suite *s, const struct sheet *sheet, const char *model,
                 const struct score_how *how, struct json *array);

/* Append {"suite", "model", …} with the same numbers over all its items. */
void score_suite(const struct suite *s, const struct sheet *sheet, const char *model,
                 const struct score_how *how, struct json *array);

/* Append {"suite", "a", "b", "difference", "low", "high", "p", "agreement"}: b less a over all
 * items, and the share of items to which both said the same words. */
struct score_side {
    const struct sheet *sheet;
    const char *model;
};
void score_pair(const struct suite *s, const struct score_side *a, const struct score_side *b,
                const struct score_how *how, struct json *array);

#endif
