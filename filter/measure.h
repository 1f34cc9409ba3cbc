/*
 * Lengths of a text: characters, and tokens as near as one can tell without a tokenizer (words,
 * and each character of an unspaced script).
 */
#ifndef FILTER_MEASURE_H
#define FILTER_MEASURE_H

#include "core/slice.h"

#include <stddef.h>

size_t measure_characters(struct slice text); /* code points */
size_t measure_tokens(struct slice text);

#endif
