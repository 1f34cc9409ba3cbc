/*
 * Members of request bodies, for providers.  Each begins with a comma, and none is written that the
 * recipe's teacher.body (params.extra) says itself: body_extra writes those, last and canonical.
 */
#ifndef NET_BODY_H
#define NET_BODY_H

#include "net/net.h"

/* `,"name":`; false, and nothing written, where teacher.body has that member. */
bool body_key(struct buf *out, const struct net_params *p, const char *name);
void body_number(struct buf *out, const struct net_params *p, const char *name, double x);
void body_integer(struct buf *out, const struct net_params *p, const char *name, int64_t x);
void body_extra(const struct net_params *p, struct buf *out);
/* The closing brace; -1 where the body passed the buffer's maximum. */
int body_end(struct buf *out, struct error *error);

#endif
