/*
 * Progress of a stage.  Rooms fill a state and call progress_update as often as they like; the
 * sink (cli/ installs one; NULL is silent) decides when to draw: a bar on a terminal, one plain
 * line every few seconds otherwise.
 */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct progress_state {
    const char *stage;    /* "gen", "filter", "train" … */
    const char *unit;     /* "replies", "rows", "steps" */
    uint64_t done, total; /* total 0: unknown */
    uint64_t resumed;     /* of done, what an earlier run had done: left out of the rate */
    char note[96];        /* "in flight 64  $0.12 of $5.00", "loss 1.234  812 tok/s" */
};

struct progress {
    void (*draw)(void *context, const struct progress_state *state, bool last);
    void *context;
    int64_t started_ns, drawn_ns;
    int64_t every_ns; /* at most one draw in this time */
};

void progress_update(struct progress *p, const struct progress_state *state); /* NULL is fine */
void progress_finish(struct progress *p, const struct progress_state *state); /* always draws */
/* One line without its end: "gen   1,204/5,000  24 %  312/s  ETA 0:12  note"; a bar of what is
 * left of `columns` when columns > 0. */
void progress_format(const struct progress_state *state, double seconds, int columns, bool bar,
                     struct buf *out);

#endif
