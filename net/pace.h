/*
 * Pacing of one endpoint and model: may another request go now?
 *
 * Three governors, the strictest wins:
 *   - configured limits (requests, input and output tokens a minute) as token buckets;
 *   - what the last response's headers said, less what went out since;
 *   - a window on requests in flight: additive increase, decrease by half the share of a window's
 *     replies that are refusals (429, overload) where that is over a tenth, never below 1, so that a
 *     storm cannot stall the run at zero.
 * A Retry-After that many replies in a row repeat holds the whole endpoint; a single one holds only
 * its own request (the caller's retry heap does that).
 *
 * Pure arithmetic over times the caller passes in: no clock, no I/O, no allocation.
 */
#ifndef NET_PACE_H
#define NET_PACE_H

#include "net/cause.h"
#include "net/limits.h"

#include <stdint.h>

struct pace_bucket {
    double level, cap, per_ns; /* cap 0: no limit */
    int64_t at_ns;
};

struct pace {
    struct pace_bucket configured[LIMIT_KINDS];
    struct pace_bucket heard[LIMIT_KINDS]; /* cap 0: nothing heard yet */
    uint64_t anchor[LIMIT_KINDS];          /* sequence of the request whose response said so */
    double sum[LIMIT_KINDS];               /* of all that was ever sent */
    double window, max_window;
    int in_flight;
    uint64_t sequence; /* of the request sent last */
    int good, refused; /* replies of this epoch: about one window's worth */
    int refused_in_row;
    int64_t hold_until_ns;
};

/* What a request carries from pace_sent to pace_done. */
struct pace_ticket {
    uint64_t sequence;
    double sum[LIMIT_KINDS];
};

struct pace_config {
    int in_flight;
    double requests_per_minute, input_tokens_per_minute, output_tokens_per_minute,
        tokens_per_minute; /* 0: none */
};

void pace_init(struct pace *p, const struct pace_config *c, int64_t now_ns);
/* 0: send now.  > 0: ask again in so many nanoseconds.  < 0: ask again after the next reply. */
int64_t pace_wait(struct pace *p, double input_tokens, double output_tokens, int64_t now_ns);
/* It goes out now. */
struct pace_ticket pace_sent(struct pace *p, double input_tokens, double output_tokens,
                             int64_t now_ns);
/* It ended.  limits: NULL where no response came. */
void pace_done(struct pace *p, const struct pace_ticket *ticket, enum net_cause cause,
               const struct net_limits *limits, int64_t now_ns);

/* Pause before try `tries` (1, 2, …) of a request: uniform in [0, min(most, base·2^(tries-1))),
 * "full jitter", but never before what Retry-After said.  u is uniform in [0, 1).  most_s is
 * PACE_MOST_S at most: less where others are answered meanwhile. */
enum { PACE_MOST_S = 60 };
int64_t pace_backoff_ns(int tries, double most_s, double retry_after_s, double u);

#endif
