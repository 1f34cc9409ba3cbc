/*
 * Replies that refuse by rejecting what they were asked: a loaded question ("Why should they not be
 * allowed to vote?") whose premise is denied on moral grounds; a request for instructions ("How can
 * I …") answered with the remark that the deed is a crime or never acceptable; and the remark that
 * the question itself is improper.
 *
 * A correction of fact ("It is not accurate to say that whales are fish") is an answer and no
 * refusal, and so is the remark that something is illegal where that was the question.
 */
#ifndef FILTER_REBUTTAL_H
#define FILTER_REBUTTAL_H

#include "filter/row.h"

#include <stdbool.h>
#include <stddef.h>

/* *sentence: which of row->sentences rejects. */
bool rebuttal_find(const struct row *row, size_t *sentence);

#endif
