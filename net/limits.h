/*
 * What response headers say about limits and waiting.  Pure functions over header text; nothing
 * here trusts the server: unknown, negative and absurd values read as "not said".
 */
#ifndef NET_LIMITS_H
#define NET_LIMITS_H

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { LIMIT_REQUESTS, LIMIT_TOKENS, LIMIT_INPUT_TOKENS, LIMIT_OUTPUT_TOKENS, LIMIT_KINDS };

struct net_limit {
    double limit;     /* a window, as the server states it; < 0: not said */
    double remaining; /* < 0: not said */
    double reset_s;   /* until all of it is back; < 0: not said */
};

struct net_limits {
    struct net_limit kind[LIMIT_KINDS];
    double retry_after_s; /* < 0: not said */
    int should_retry;     /* x-should-retry: 1, 0; -1 not said */
};

/* `headers` are lines "Name: value" ended by LF or CRLF, any case; now_ms is the wall clock, for
 * dates.  Order for waiting: retry-after-ms, then retry-after (seconds, float; HTTP-date). */
void limits_read(struct slice headers, int64_t now_ms, struct net_limits *out);

/* "12ms", "1.5s", "6m0s", "1h2m3s", "250us", "3" (seconds); -1 where it is none. */
double limits_duration(struct slice text);
/* Seconds from now of a Retry-After value: float seconds or an HTTP-date (three forms); -1 where
 * it is neither.  Dates in the past give 0. */
double limits_retry_after(struct slice text, int64_t now_ms);
/* Milliseconds since 1970 of an HTTP-date or RFC 3339 time; -1 where it is none. */
int64_t limits_date(struct slice text);

#endif
