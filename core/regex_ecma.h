/* Patterns as JSON Schema writes them (ECMA-262), in PCRE2's words; used by core/regex.c. */
#ifndef CORE_REGEX_ECMA_H
#define CORE_REGEX_ECMA_H

#include "core/buf.h"

/* Append the pattern.  What PCRE2 reads differently is rewritten: \s and \S mean Unicode's spaces,
 * \p{Letter} and \p{gc=L} are \p{L}. */
void regex_ecma(const char *pattern, struct buf *out);

#endif
