/* Numbers as a person reads them. */
#ifndef REPORT_NUMBER_H
#define REPORT_NUMBER_H

#include "core/buf.h"

#include <stdint.h>

void number_whole(struct buf *out, int64_t n);                   /* 1,204,331 */
void number_short(struct buf *out, double x);                    /* 0.25, 12, 1.2k, 3.4M */
void number_percent(struct buf *out, double part, double whole); /* 24 %, 0.3 %, – of nothing */
void number_usd(struct buf *out, double usd);                    /* $0.0031, $1.20 */
void number_seconds(struct buf *out, double seconds); /* 12 ms, 3.4 s, 2 min 05 s, 3 h 20 min */
/* The step of 1, 2 or 5 times a power of ten that cuts `range` into at most `most` parts. */
double number_step(double range, int most);

#endif
