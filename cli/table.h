/*
 * A report for a person.  Stages report one JSON object; here it becomes text:
 *   a scalar              name   value
 *   an object of scalars  name   total 252  kept 240  removed 12
 *   an array of objects   a table with the keys as columns
 *   an array of scalars   name   sse4.2  avx2, or an indented line each where they are long
 *   a text of many lines  as it is, under its name
 *   deeper objects        their members as "name.member"
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "core/buf.h"
#include "core/json.h"

/* columns: width of the terminal, 0 unlimited. */
void table_report(const struct json *report, int columns, bool color, struct buf *out);
/* Text of outside origin with its control characters made visible, line ends and tabs kept. */
void table_text(struct slice text, struct buf *out);
/* A number as a person reads it: 12,345 or 0.123; for tests. */
void table_number(const struct json *number, struct buf *out);

#endif
