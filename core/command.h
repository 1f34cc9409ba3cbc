/*
 * Run a program of the user's without a shell, with a text on its standard input and a time limit.
 */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include "core/buf.h"
#include "core/error.h"
#include "core/slice.h"

#include <stdint.h>

/* argv is NULL-ended; argv[0] is found through PATH.  What it prints is appended to `out` (what
 * passes its maximum is dropped); its standard error goes where ours goes.  Returns the exit
 * status, 128 + N for a signal, or -1: it could not be started, or the time was up (ERROR_LIMIT:
 * its whole process group is killed). */
int command_run(char *const *argv, struct slice input, int64_t limit_ms, struct buf *out,
                struct error *error);

#endif
