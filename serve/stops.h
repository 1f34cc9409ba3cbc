/*
 * Stop texts in a stream: hands text on as soon as it can no longer be the beginning of a stop
 * text, and ends the reply in front of the first one that appears.
 */
#ifndef SERVE_STOPS_H
#define SERVE_STOPS_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Look at `held`, the text not yet handed out.  Returns how many of its bytes may go out now;
 * *stopped is set when a stop text begins right behind them. */
size_t stops_ready(const struct slice *stops, size_t n, struct slice held, bool *stopped);

#endif
