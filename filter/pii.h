/*
 * Personal data and secrets in a text: e-mail addresses, telephone numbers, public IPv4 addresses,
 * payment cards (Luhn), keys and tokens.  Example domains, reserved numbers and private networks are
 * none.
 */
#ifndef FILTER_PII_H
#define FILTER_PII_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct pii {
    const char *what, *tag; /* "an e-mail address", "[EMAIL]" */
    size_t from, to;
};

/* The first at or after `from`. */
bool pii_next(struct slice text, size_t from, struct pii *out);
/* Append the text with each of them replaced by its tag; returns how many. */
size_t pii_mask(struct slice text, struct buf *out);

#endif
