/*
 * The strict reader in front of cJSON: decides by RFC 8259 whether a text is JSON, without
 * recursion, and prepares what cJSON may see.  Used by core/json.c only.
 *
 * Values are counted in document order (pre-order; the root is 0).  What cJSON cannot carry is
 * handed over beside the text as a patch for the value of that number:
 *   - a string that holds NUL: its decoded length;
 *   - an integer that a double cannot hold, or a number past the range of a double: its digits.
 */
#ifndef CORE_JSON_SCAN_H
#define CORE_JSON_SCAN_H

#include "core/buf.h"
#include "core/error.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct json_patch {
    size_t value;        /* which, in document order */
    struct slice digits; /* the literal, inside the source; absent for a string */
    size_t length;       /* of a string, decoded */
};

struct json_scan {
    struct slice ready; /* what to give to cJSON: the source, or its corrected copy */
    struct buf copy;
    struct json_patch *patches;
    size_t n_patches, cap_patches;
    size_t *offsets; /* where each value (a member: its key) stands in the source, if asked */
    size_t n_offsets, cap_offsets;
    size_t n_values;
    bool want_offsets;
};

/* `flags` as for json_parse.  The text must outlive the scan.  0, or -1 with ERROR_INPUT
 * "line:column: what". */
int json_scan(struct json_scan *s, struct slice text, unsigned flags, bool want_offsets,
              struct error *error);
void json_scan_free(struct json_scan *s);

/* Move line and column (from 1; columns count code points) from one offset on to a later one. */
void json_scan_walk(struct slice text, size_t from, size_t to, int *line, int *column);

/* Bytes at the head that may stand in a string as they are and need no look: ASCII without quote,
 * backslash and controls. */
size_t json_scan_plain(const char *data, size_t len);

#endif
