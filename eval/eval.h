/*
 * Evaluation: how good is the student, compared with what it was and with its teacher?
 *
 *   - the loss on rows that it never saw (all models that are folders here);
 *   - suites of tasks with graders, on any number of folders and endpoints;
 *   - replies side by side.
 *
 * Answers are kept in the dataset file (corpus/answers.h): a stopped evaluation goes on, and none
 * is computed or paid for twice.
 */
#ifndef EVAL_EVAL_H
#define EVAL_EVAL_H

#include "core/buf.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/recipe.h"
#include "corpus/corpus.h"

#include <stdbool.h>
#include <stdint.h>

struct eval_options {
    int64_t run_id;
    bool dry_run; /* say what would be asked of whom */
};

/* `report` gets one JSON object: items, nll and tokens (of the last folder measured), models, tasks,
 * comparisons, replies. */
int eval_run(const struct recipe *recipe, struct corpus *corpus, const struct eval_options *options,
             struct progress *progress, struct buf *report, struct error *error);

#endif
