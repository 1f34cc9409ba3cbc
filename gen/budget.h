/*
 * The bill that cannot exceed its cap: the worst case is reserved before a request is sent, and
 * settled with what it really cost.  Counts the whole dataset, earlier runs included.  Pure
 * arithmetic; the durable side is ledger_reserve.
 */
#ifndef GEN_BUDGET_H
#define GEN_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget_amount {
    int64_t nusd, tokens, requests;
};

struct budget {
    struct budget_amount cap; /* < 0: no limit */
    struct budget_amount spent, reserved;
};

bool budget_limited(const struct budget *b); /* is there any limit? */
/* Reserve, or false where a cap would be passed; then nothing changed. */
bool budget_reserve(struct budget *b, struct budget_amount worst);
/* Give the reservation back and book what it really was. */
void budget_settle(struct budget *b, struct budget_amount worst, struct budget_amount real);
/* Which cap refuses `worst`: "budget_usd", "budget_tokens", "budget_requests"; NULL: none. */
const char *budget_refuses(const struct budget *b, struct budget_amount worst);

#endif
