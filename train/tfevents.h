/*
 * TensorBoard event files: scalars by tag and step.
 *
 * A file is a chain of records: u64 length, u32 masked CRC-32C of those 8 bytes, the data, u32
 * masked CRC-32C of the data; the data is the protocol buffer `Event`.  Each record is written
 * with one write, so a reader never sees a record that will not be completed except after a
 * crash, which leaves at most one torn record at the end.  A resumed run adds a file of its own
 * beside it; TensorBoard reads all files of a folder in the order of their names.
 */
#ifndef TRAIN_TFEVENTS_H
#define TRAIN_TFEVENTS_H

#include "core/buf.h"
#include "core/error.h"

#include <stdint.h>

struct tfevents;

/* A new file events.out.tfevents.<unix seconds>.<host>.<pid>.<n> in the folder (made if missing). */
struct tfevents *tfevents_open(const char *folder, struct error *error);
int tfevents_scalar(struct tfevents *t, const char *tag, uint64_t step, float value,
                    struct error *error);
int tfevents_close(struct tfevents *t, struct error *error); /* NULL is fine */

/* The bytes of one record, appended: the version record (tag NULL) or a scalar.  For the writer
 * and for tests. */
int tfevents_record(struct buf *out, double wall_s, const char *tag, uint64_t step, float value);

#endif
