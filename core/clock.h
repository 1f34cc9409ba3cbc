/* Time: monotonic for measuring, wall for records. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

int64_t clock_ns(void);      /* monotonic */
int64_t clock_wall_ms(void); /* milliseconds since 1970 */
int64_t clock_cpu_ns(void);  /* CPU time of the process, all threads */
void clock_sleep_ms(int64_t ms);
/* "2026-03-01T12:00:00Z" */
void clock_iso(int64_t wall_ms, char out[32]);

#endif
