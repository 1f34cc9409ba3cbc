/*
 * Answers in the order of the asks, for strategies that say `ordered`.
 *
 * What an ask comes to is settled at once, whenever the teacher replies; the strategy is told of it
 * in its turn, and plans again after each telling until it has to wait.  So what it asks depends on
 * what was answered, never on when.  After a restart the plan begins anew: what was answered before
 * is read back and told again, its rows are left as they are.
 */
#ifndef GEN_ORDER_H
#define GEN_ORDER_H

#include "core/error.h"
#include "gen/item.h"

#include <stddef.h>

struct gen;

struct order {
    struct item **held; /* heap by item->order */
    size_t n, cap;
    int64_t next;  /* whose turn it is */
    int64_t asked; /* numbers given */
};

/* The item is over, in this run (reply: taken over, or NULL) or in an earlier one. */
void order_over(struct gen *g, struct item *i, enum net_cause cause, struct net_reply *reply);
/* Tell the strategy of all whose turn has come. */
int order_advance(struct gen *g, struct error *error);
void order_free(struct order *o);

#endif
