/*
 * Counting in texts: sentences, words, lines that match; and Python's notions of case, which the
 * reference graders are written in.
 */
#ifndef CORE_PROSE_H
#define CORE_PROSE_H

#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Matches of a PCRE2 pattern (regex_flags); 0 for a pattern that does not compile. */
size_t prose_matches(struct slice text, const char *pattern, unsigned flags);
/* Runs of word characters (letters, digits, underscore). */
size_t prose_words(struct slice text);
/* Sentences: parts that end in . ? ! before white space, where the full stop does not belong to a
 * well-known abbreviation or an initial.  Line ends alone end nothing (as NLTK's Punkt). */
size_t prose_sentences(struct slice text);
/* Tokens all of whose letters are upper case, with at least one: words without the punctuation
 * around them, contractions counted as their two parts (as NLTK's Treebank tokens). */
size_t prose_capital_words(struct slice text);
/* str.isupper and str.islower: some letter with case, and none of the other. */
bool prose_is_upper(struct slice text);
bool prose_is_lower(struct slice text);
/* The n-th part (from 0) between separators; absent behind the last.  prose_parts counts them. */
struct slice prose_part(struct slice text, const char *separator, size_t n);
size_t prose_parts(struct slice text, const char *separator);

#endif
