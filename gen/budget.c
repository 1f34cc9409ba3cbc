#include "gen/budget.h"

#include <stddef.h>

bool budget_limited(const struct budget *b)
{
    return b->cap.nusd >= 0 || b->cap.tokens >= 0 || b->cap.requests >= 0;
}

static bool passes(int64_t cap, int64_t spent, int64_t reserved, int64_t more)
{
    return cap >= 0 && (more > cap || spent > cap - more || reserved > cap - more - spent);
}

const char *budget_refuses(const struct budget *b, struct budget_amount worst)
{
    if (passes(b->cap.nusd, b->spent.nusd, b->reserved.nusd, worst.nusd))
        return "budget_usd";
    if (passes(b->cap.tokens, b->spent.tokens, b->reserved.tokens, worst.tokens))
        return "budget_tokens";
    if (passes(b->cap.requests, b->spent.requests, b->reserved.requests, worst.requests))
        return "budget_requests";
    return NULL;
}

bool budget_reserve(struct budget *b, struct budget_amount worst)
{
    if (budget_refuses(b, worst))
        return false;
    b->reserved.nusd += worst.nusd;
    b->reserved.tokens += worst.tokens;
    b->reserved.requests += worst.requests;
    return true;
}

void budget_settle(struct budget *b, struct budget_amount worst, struct budget_amount real)
{
    b->reserved.nusd -= worst.nusd;
    b->reserved.tokens -= worst.tokens;
    b->reserved.requests -= worst.requests;
    b->spent.nusd += real.nusd;
    b->spent.tokens += real.tokens;
    b->spent.requests += real.requests;
}
