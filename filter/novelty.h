/*
 * novelty: a row goes whose text is closer than a threshold, by ROUGE-L (core/rouge.h), to that of
 * a row that is kept (Self-Instruct: instructions under .7).  Exact: every pair that could reach
 * the threshold is computed.  Rows are taken in order of preference and compared with those kept
 * before them, so nothing is removed because of a row that goes itself.
 */
#ifndef FILTER_NOVELTY_H
#define FILTER_NOVELTY_H

#include "filter/wide.h"

int novelty_run(const struct wide *w, struct error *error);

#endif
