/* A listening TCP socket. */
#ifndef SERVE_LISTEN_H
#define SERVE_LISTEN_H

#include "core/error.h"

/* Listen on an IP address ("127.0.0.1", "::1", "0.0.0.0" …); port 0: any free one.  The socket, and
 * its port in *out; or -1 (no such address: ERROR_USAGE; a port that is taken: what to do). */
int listen_open(const char *address, int port, int *out, struct error *error);

#endif
