/*
 * The metrics file: one JSON object a line, each with at least "step".  A line is one write, so a
 * reader may follow the file while a run goes on.
 */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include "core/error.h"
#include "core/json.h"

#include <stdint.h>

struct metrics;

/* Open to append.  Lines of steps after `through` are dropped first (a resumed run makes those
 * steps again), as is a torn last line; through 0 starts the file anew. */
struct metrics *metrics_open(const char *path, uint64_t through, struct error *error);
int metrics_add(struct metrics *m, const struct json *line, struct error *error);
void metrics_close(struct metrics *m); /* NULL is fine */

#endif
