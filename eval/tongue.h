/*
 * Which language a text is in, as far as grading needs it: by script where the script says it, by
 * letters and frequent words where several languages share one.
 */
#ifndef EVAL_TONGUE_H
#define EVAL_TONGUE_H

#include "core/slice.h"

/* ISO 639-1 code ("en", "pt", "hi"); "" when there are no letters to tell by. */
const char *tongue_of(struct slice text);

#endif
