/*
 * Readiness of many descriptors: epoll on Linux, poll(2) elsewhere.  Level-triggered.
 */
#ifndef NET_POLLER_H
#define NET_POLLER_H

#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

struct poller;

enum { POLLER_IN = 1, POLLER_OUT = 2, POLLER_GONE = 4 }; /* GONE: hang-up or error */

struct poller_event {
    int fd;
    uint32_t tag;
    unsigned ready;
};

/* Raise the limit of open files to `need` sockets and some for the rest of the process. */
int poller_room(int need, struct error *error);
struct poller *poller_new(struct error *error);
void poller_free(struct poller *p);
/* Watch fd for `events` under `tag`; 0 forgets it.  Remembers what is set: the same again costs
 * nothing. */
int poller_set(struct poller *p, int fd, uint32_t tag, unsigned events, struct error *error);
/* The descriptor is being closed: forget it without asking the kernel. */
void poller_closed(struct poller *p, int fd);
/* A mark of the caller's on a descriptor: somebody waits for it.  Gone when it is closed. */
void poller_want(struct poller *p, int fd, bool wanted);
bool poller_wanted(const struct poller *p, int fd);
/* At most `max` events; waits wait_ms at most (< 0: for ever).  An interrupt by a signal gives 0.
 */
int poller_wait(struct poller *p, struct poller_event *out, int max, int wait_ms,
                struct error *error);

#endif
