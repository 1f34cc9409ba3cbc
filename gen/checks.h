/*
 * The user's programs of gen.verify, run beside the loop: helper threads wait for them, so that a
 * slow check holds up no request.
 *
 * A strategy that asks for a check which is not over yet gives its answer back (checks_run says
 * CHECKS_LATER, the strategy fails, tell() sees g->later); the answer is parked, its bytes stored and
 * unread, and told again from the start when the check is over.  So a strategy checks before it
 * emits anything.  Where answers are told in order, replayed or reparsed, checks are waited for.
 */
#ifndef GEN_CHECKS_H
#define GEN_CHECKS_H

#include "core/buf.h"
#include "core/error.h"
#include "gen/strategy.h"

struct checks;
struct store;

enum { CHECKS_LATER = -2 };
/* As command_run; or CHECKS_LATER.  argv has to live as long as the run. */
int checks_run(struct gen *g, char *const *argv, struct slice input, int64_t limit_ms,
               struct buf *said, struct error *error);
/* The answer in `s` was given back: keep it until what it waits for is over. */
void checks_park(struct gen *g, struct store *s);
/* The answer that was told is done with its checks. */
void checks_forget(struct gen *g);
/* Tell again those whose check is over. */
void checks_take_back(struct gen *g);
/* How many answers are parked. */
size_t checks_parked(const struct gen *g);
/* Ends the threads when their programs end; parked answers stay unread in the file. */
void checks_close(struct gen *g);

#endif
