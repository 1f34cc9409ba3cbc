/*
 * The records of a file or of standard input, one at a time and never the whole: JSON Lines, or
 * one JSON array (told from the first byte that is not a space).  Only the bounds of a record are
 * found here; whether it is JSON is for the caller's parser to say.
 */
#ifndef CORPUS_RECORDS_H
#define CORPUS_RECORDS_H

#include "core/error.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct records;

/* "-" is standard input.  max: bytes of one record. */
struct records *records_open(const char *path, size_t max, struct error *error);
/* 1 and the record (valid until the next call), 0 at the end, -1 on failure.  After ERROR_INPUT
 * and ERROR_LIMIT the fault is behind: the next call goes on.  Any other failure is final. */
int records_next(struct records *r, struct slice *text, struct error *error);
uint64_t records_line(const struct records *r);   /* where the last record (or fault) began */
uint64_t records_offset(const struct records *r); /* bytes consumed so far */
/* Nothing has come in that was not handed out: the next call will wait for a slow writer. */
bool records_waiting(const struct records *r);
/* From another thread: records_next gives up waiting for input (ERROR_INTERRUPTED), as it does when
 * the user asked to stop. */
void records_cancel(struct records *r);
void records_close(struct records *r);

#endif
