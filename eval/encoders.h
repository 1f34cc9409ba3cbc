/*
 * Encoders are measured: on a file of labelled rows (eval.suite), or on the rows that train held
 * out of its file or of the dataset.
 */
#ifndef EVAL_ENCODERS_H
#define EVAL_ENCODERS_H

#include "core/buf.h"
#include "core/error.h"
#include "core/recipe.h"
#include "corpus/corpus.h"

/* Does the recipe train an encoder? */
bool encoders_wanted(const struct recipe *r);
/* As eval_run; `report` gets "items", "models", "tasks" (classify: accuracy with its interval,
 * macro_f1, matthews; tag: accuracy, precision, recall, f1 of entities; answer: exact as accuracy,
 * f1), and "left_out". */
int encoders_run(const struct recipe *r, struct corpus *c, bool dry_run, struct buf *report,
                 struct error *error);

#endif
