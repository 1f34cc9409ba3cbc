/* Headers, durations, dates: any bytes; what is read is absent or sane. */
#include "net/limits.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_from(data, size);
    struct net_limits l;
    limits_read(text, 1700000000000, &l);
    for (int k = 0; k < LIMIT_KINDS; k++)
        if (!(l.kind[k].limit >= -1 && l.kind[k].remaining >= -1 && l.kind[k].reset_s >= -1))
            abort();
    if (!(l.retry_after_s >= -1 && l.should_retry >= -1 && l.should_retry <= 1))
        abort();
    if (!(limits_duration(text) >= -1) || !(limits_retry_after(text, 0) >= -1) ||
        limits_date(text) < -1)
        abort();
    return 0;
}
