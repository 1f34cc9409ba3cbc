/*
 * Which language a text is in, as far as grading needs it: by script where the script says it, by
 * letters and frequent words where several languages share one.
 */
#ifndef EVAL_LANGUAGE_H
#define EVAL_LANGUAGE_H

#include "core/slice.h"

/* ISO 639-1 code ("en", "pt", "hi"); "" when there are no letters to tell by. */
const char *language_code(struct slice text);

#endif
