/*
 * command: the user's own program judges rows.  It gets rows as JSON lines on its standard input
 *     {"id":17,"name":"q-17","system":…,"instruction":…,"input":…,"output":…,"messages":…,"meta":…}
 * (what a row lacks is left out) and writes one JSON line for each, in any order:
 *     {"id":17,"remove":true,"why":"…","value":0.2,"threshold":0.5}
 * remove false: the row stays; why, value and threshold are optional.  It is started without a
 * shell once for every batch of rows.  What it does wrong (no start, an exit status, no end in
 * time, too much, a half line, an answer too few or too many) ends the run with one line and no
 * verdict.
 */
#ifndef FILTER_EXTERNAL_H
#define FILTER_EXTERNAL_H

#include "filter/wide.h"

int external_run(const struct wide *w, struct error *error);
/* Fails where a program of that rule runs this very process: it would never end. */
int external_check(struct error *error);

#endif
