/*
 * Where may one of a list of literals begin?  A first look at 16 to 64 bytes at a time, by the
 * first three bytes of the literals: each byte's two halves are looked up in tables of eight bits,
 * one a bucket of literals; a place whose three bytes leave a bit is a candidate.  Candidates hold
 * all places of the literals and a few more; the caller compares.
 *
 * A place inside an ASCII word is none: a literal that starts with a letter or digit only matches
 * where a word starts.  ASCII letters of the literals are lower case and stand for both cases.
 *
 * After "Teddy" of Hyperscan (Langdale, Intel).
 */
#ifndef FILTER_KERNELS_LITERALS_H
#define FILTER_KERNELS_LITERALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LITERALS_HEAD = 3, LITERALS_BUCKETS = 8 };

struct literals {
    /* [place][low or high half of the byte][its value]: the buckets that may have it there */
    uint8_t table[LITERALS_HEAD][2][16];
};

/* From the literals, in the order of the list: NULL-ended, none empty. */
void literals_make(struct literals *l, const char *const *list);

/* The first candidate at or after `from`, n where there is none. */
typedef size_t literals_fn(const struct literals *l, const unsigned char *p, size_t n, size_t from);

struct literals_kernel {
    const char *name;
    bool (*usable)(void);
    literals_fn *next;
};

/* Fastest first, the reference last; NULL name ends. */
extern const struct literals_kernel literals_kernels[];
const struct literals_kernel *literals_best(void);

#endif
