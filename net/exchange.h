/*
 * What of an exchange needs no library: its deadlines, and a file as the body that goes out.
 * Used by net/http.c.
 */
#ifndef NET_EXCHANGE_H
#define NET_EXCHANGE_H

#include "net/http.h"

/* NET_OK, or the deadline that it passed; heard_ns is when its connection last did something. */
enum net_cause exchange_overdue(const struct http_options *o, const struct http_exchange *x,
                                int64_t heard_ns, int64_t now_ns);
/* Open the file that goes out, if there is one.  0, or -1 where it cannot be read. */
int exchange_open_file(struct http_exchange *x, int *fd, int64_t *size, struct error *error);
/* Up to `room` bytes of it from there; (size_t)-1 failure. */
size_t exchange_read_file(int fd, char *out, size_t room);
int exchange_rewind_file(int fd, int64_t offset); /* 0, -1 */

#endif
