/*
 * Constraints that a request states in words ("at least 300 words", "no commas", "in all lowercase
 * letters"), as ids and arguments of core/constraints.h.  English only, and only phrases that leave
 * no doubt: what is asked of each paragraph, or stands in quotation marks, is not of the reply.
 * tests/filter/test_asked.c measures it on IFEval's prompts, whose constraints are known.
 */
#ifndef FILTER_ASKED_H
#define FILTER_ASKED_H

#include "core/json.h"
#include "core/slice.h"

enum { ASKED_MOST = 16 };

struct asked {
    const char *id;
    struct json *args;  /* owned: json_free */
    struct slice words; /* the phrase, a part of the request */
};

/* Returns how many. */
size_t asked_of(struct slice request, struct asked out[ASKED_MOST]);

#endif
