/*
 * Counting in texts: sentences, words, lines that match; and Python's notions of case, which the
 * reference graders are written in.
 */
#ifndef EVAL_TEXT_H
#define EVAL_TEXT_H

#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Matches of a PCRE2 pattern (regex_flags); 0 for a pattern that does not compile. */
size_t text_matches(struct slice text, const char *pattern, unsigned flags);
/* Runs of word characters (letters, digits, underscore). */
size_t text_words(struct slice text);
/* Sentences: parts that end in . ? ! before white space, where the full stop does not belong to a
 * well-known abbreviation or an initial.  Line ends alone end nothing (as NLTK's Punkt). */
size_t text_sentences(struct slice text);
/* Tokens all of whose letters are upper case, with at least one: words without the punctuation
 * around them, contractions counted as their two parts (as NLTK's Treebank tokens). */
size_t text_capital_words(struct slice text);
/* str.isupper and str.islower: some letter with case, and none of the other. */
bool text_is_upper(struct slice text);
bool text_is_lower(struct slice text);
/* The n-th part (from 0) between separators; absent behind the last.  text_parts counts them. */
struct slice text_part(struct slice text, const char *separator, size_t n);
size_t text_parts(struct slice text, const char *separator);

#endif
