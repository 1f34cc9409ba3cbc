/*
 * "did you mean": which known word a misspelt one was meant for.
 *
 *     struct nearest n = nearest_start("trian");
 *     for each known word: nearest_try(&n, word);
 *     const char *meant = nearest_word(&n);      NULL when nothing is near enough
 *
 * Distance: insertions, deletions, changes and swaps of neighbours (optimal string alignment).
 * Near enough: at most a third of the longer word, and no more than 3.
 */
#ifndef CORE_NEAREST_H
#define CORE_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *given, *best;
    size_t distance;
};

struct nearest nearest_start(const char *given);
void nearest_try(struct nearest *n, const char *candidate);
const char *nearest_word(const struct nearest *n);
/* The distance itself; words over 63 bytes are as far as the longer is long. */
size_t nearest_distance(const char *a, const char *b);

#endif
