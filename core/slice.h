/*
 * A borrowed run of bytes: text that may hold NULs and does not end in one.  A slice owns
 * nothing; whoever hands one out says how long it stays valid.  {NULL, 0} is "absent",
 * {"", 0} is "empty".
 */
#ifndef CORE_SLICE_H
#define CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>

struct slice {
    const char *data;
    size_t len;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

struct slice slice_of(const char *text); /* strlen; NULL gives the absent slice */
struct slice slice_from(const void *data, size_t len);
bool slice_equal(struct slice a, struct slice b);
bool slice_is(struct slice a, const char *text);
int slice_compare(struct slice a, struct slice b); /* bytewise, as memcmp; <0, 0, >0 */
bool slice_starts(struct slice a, const char *prefix);
bool slice_ends(struct slice a, const char *suffix);
struct slice slice_trim(struct slice a); /* without ASCII space at both ends */
struct slice slice_sub(struct slice a, size_t from, size_t len); /* clamped to a */
/* Offset of the needle in a, or a.len where it does not occur. */
size_t slice_find(struct slice a, struct slice needle);

#endif
