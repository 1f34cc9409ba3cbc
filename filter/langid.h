/*
 * Which language is a text in?  Scripts decide where they can; among languages of the Latin,
 * Cyrillic and Arabic scripts frequent words do.  Only the beginning of the text is looked at.
 * Meant for "is the reply in the language of the request", where saying nothing is always allowed:
 * accuracy on sentences of its 37 languages is stated in docs/filter.md and held by
 * tests/filter/test_langid.c.
 */
#ifndef FILTER_LANGID_H
#define FILTER_LANGID_H

#include "core/slice.h"

#include <stddef.h>

struct langid {
    const char *code;         /* "en", "zh" …; NULL: not to be told */
    double share;             /* of the words (or letters) that speak for it */
    size_t letters;           /* seen */
    size_t latin, han, other; /* letters by script; han: Han and kana */
};

struct langid langid_of(struct slice text);
/* Is this beyond doubt English in ASCII, or Han with hardly anything else?  Cheap; saying no is
 * always allowed. */
enum langid_plain { LANGID_UNSURE, LANGID_ENGLISH, LANGID_HAN };
enum langid_plain langid_plain(struct slice text);
/* "English" for "en"; NULL for an unknown code. */
const char *langid_name(const char *code);
/* NULL-ended codes, for tests and reports. */
const char *const *langid_codes(void);

#endif
