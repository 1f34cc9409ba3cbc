/*
 * Where sentences end, as far as surface tells: . ! ? … 。 ！ ？ with closing quotes and brackets
 * behind them.  A full stop behind an initial, a number or a usual abbreviation ends none.
 */
#ifndef FILTER_SENTENCE_H
#define FILTER_SENTENCE_H

#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Does the text end as a sentence, list of steps or quotation ends? */
bool sentence_closed(struct slice text);
/* The offset behind the first end of a sentence at or after `from` that another sentence follows,
 * or text.len where there is none. */
size_t sentence_next(struct slice text, size_t from);
/* Words of the text, with each CJK character as one. */
size_t sentence_words(struct slice text);

#endif
