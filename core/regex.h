/*
 * Regular expressions over PCRE2 (UTF-8, Unicode properties, JIT where there is one).  A compiled
 * expression may be used by several threads, each with a match of its own.  Matching is bounded:
 * a pathological pattern gives ERROR_LIMIT, not a hang.
 */
#ifndef CORE_REGEX_H
#define CORE_REGEX_H

#include "core/error.h"
#include "core/slice.h"

struct regex;
struct regex_match;

/* REGEX_ECMA: as JSON Schema writes patterns: \d and \w are ASCII, \s is not, \uXXXX is known, $ matches at
 * the very end only.  Otherwise classes are Unicode's and $ also matches before a last newline. */
enum regex_flags {
    REGEX_CASELESS = 1,
    REGEX_MULTILINE = 2,
    REGEX_DOTALL = 4,
    REGEX_ANCHORED = 8,
    REGEX_ECMA = 16,
};

struct regex *regex_compile(const char *pattern, unsigned flags, struct error *error);
void regex_free(struct regex *r);
struct regex_match *regex_match_new(const struct regex *r);
void regex_match_free(struct regex_match *m);
/* 1 found, 0 not, -1 failure (bad UTF-8, limit).  Starts at offset `from`. */
int regex_find(const struct regex *r, struct slice text, size_t from, struct regex_match *m,
               struct error *error);
/* Group of the last match: begin and end offsets; false where the group did not take part. */
int regex_group(const struct regex_match *m, int group, size_t *begin, size_t *end);
/* For text already known to be valid UTF-8: skips the check. */
int regex_find_valid(const struct regex *r, struct slice text, size_t from, struct regex_match *m,
                     struct error *error);
/* The version of pcre2, into a text of the caller. */
void regex_library(char out[64]);

#endif
