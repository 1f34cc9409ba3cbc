/*
 * Numbers of classifiers, taggers and span finders, as scikit-learn, seqeval and the SQuAD script
 * compute them.
 */
#ifndef EVAL_METRICS_H
#define EVAL_METRICS_H

#include "core/buf.h"
#include "core/slice.h"

#include <stddef.h>
#include <stdint.h>

/* confusion [n * n]: rows are what is true, columns what was said. */
double metrics_accuracy(const uint64_t *confusion, size_t n);
/* The mean of the F1 of the classes that are true or said somewhere. */
double metrics_macro_f1(const uint64_t *confusion, size_t n);
/* Matthews' correlation for any number of classes (Gorodkin 2004); 0 where it is not defined. */
double metrics_matthews(const uint64_t *confusion, size_t n);

/* An answer as SQuAD's script compares it: lower case, without ASCII punctuation, articles and
 * superfluous blanks. */
void metrics_squad_normalise(struct slice text, struct buf *out);
bool metrics_squad_exact(struct slice said, struct slice wanted);
/* F1 of the words in common; both empty: 1. */
double metrics_squad_f1(struct slice said, struct slice wanted);

/* Entities: runs of words that tags make (conlleval's rules, as seqeval has them).  An entity is
 * right when its words and its type are. */
struct metrics_entities {
    uint64_t wanted, said, right;
};
/* Add one sentence; tags are texts such as "B-PER". */
void metrics_entities_add(struct metrics_entities *e, const struct slice *wanted,
                          const struct slice *said, size_t n);
double metrics_entities_f1(const struct metrics_entities *e); /* 0 where there is none */

#endif
