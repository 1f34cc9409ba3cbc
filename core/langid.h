/*
 * Which language is a text in?  Scripts decide where they can; among languages that share the
 * Latin, Cyrillic, Arabic or Devanagari script frequent words and telling letters do.  Only the
 * beginning of the text is looked at (some 60 words).
 *
 * Two answers: `code` where it is told with confidence, and NULL is always allowed; `guess`, the
 * likeliest language however weak the signs.  Accuracy on sentences of its languages is printed and
 * held by tests/core/test_langid.c and stated in docs/filter.md.
 */
#ifndef CORE_LANGID_H
#define CORE_LANGID_H

#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct langid {
    const char *code;         /* "en", "zh" …; NULL: not to be told */
    const char *guess;        /* "" only where there are no letters to tell by */
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
