/*
 * Numbers by their decimal literals: exact comparison and divisibility where a double would round
 * (2^53 + 1, 0.01, 10^30), and the text of a double.
 *
 * A double counts as the shortest decimal that reads back to it, an integral one below 1e21 as its
 * exact digits.
 */
#ifndef CORE_DECIMAL_H
#define CORE_DECIMAL_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* (negative ? -1 : 1) * 0.DIGITS * 10^point.  No zeros at either end of the digits; zero has no
 * digits and no sign. */
struct decimal {
    bool negative;
    struct buf digits;
    int64_t point; /* within 10^15; what lies beyond is taken as that */
};

/* From a JSON number literal, which must be well-formed. */
struct decimal decimal_parse(struct slice literal);
void decimal_free(struct decimal *d);
int decimal_compare(const struct decimal *a, const struct decimal *b); /* <0, 0, >0 */
bool decimal_is_integer(const struct decimal *d);

enum { DECIMAL_MAX_DIVISOR = 18 };
/* Whether a is an integer multiple of b; b is not zero and has at most DECIMAL_MAX_DIVISOR
 * digits. */
bool decimal_is_multiple(const struct decimal *a, const struct decimal *b);

/* Append the number as JSON; equal numbers give equal text. */
int decimal_write(const struct decimal *d, struct buf *out);
/* Append the text of a finite double; it reads back to the same double. */
int decimal_write_double(double x, struct buf *out);

#endif
