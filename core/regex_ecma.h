/* Patterns as JSON Schema writes them (ECMA-262), in PCRE2's words; used by core/regex.c. */
#ifndef CORE_REGEX_ECMA_H
#define CORE_REGEX_ECMA_H

#include <stdbool.h>

#include "core/buf.h"

/* Append the pattern.  What PCRE2 reads differently is rewritten: \s and \S mean Unicode's spaces,
 * \p{Letter} and \p{gc=L} are \p{L}.  bare_scripts: the library knows \p{Greek} and not
 * \p{Script=Greek} (PCRE2 before 10.40), where both mean the same. */
void regex_ecma(const char *pattern, bool bare_scripts, struct buf *out);

#endif
