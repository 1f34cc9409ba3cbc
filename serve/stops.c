#include "serve/stops.h"

#include <string.h>

/* Where the longest tail of `held` begins that is a beginning of the stop text. */
static size_t tail_of(struct slice held, struct slice stop)
{
    size_t n = stop.len - 1 < held.len ? stop.len - 1 : held.len;
    while (n != 0 && memcmp(held.data + held.len - n, stop.data, n) != 0)
        n--;
    return held.len - n;
}

size_t stops_ready(const struct slice *stops, size_t n, struct slice held, bool *stopped)
{
    size_t ready = held.len;
    *stopped = false;
    for (size_t i = 0; i < n; i++) {
        const size_t at = slice_find(held, stops[i]);
        if (stops[i].len != 0 && at < held.len && (!*stopped || at < ready)) {
            ready = at;
            *stopped = true;
        }
    }
    for (size_t i = 0; i < n && !*stopped; i++) {
        const size_t at = stops[i].len != 0 ? tail_of(held, stops[i]) : held.len;
        if (at < ready)
            ready = at;
    }
    return ready;
}
