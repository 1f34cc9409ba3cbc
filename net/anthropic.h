/* The parts of the anthropic provider: asking is in anthropic.c, hearing in anthropic_reply.c. */
#ifndef NET_ANTHROPIC_H
#define NET_ANTHROPIC_H

#include "net/net.h"

int anthropic_reply(struct slice body, struct net_reply *out, struct net_failure *failure);
void anthropic_failure(int status, struct slice body, struct net_failure *out);
int anthropic_status(
    struct slice type); /* the status that belongs to an error's type; 0: unknown */

#endif
