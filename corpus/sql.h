/*
 * A thin face over SQLite: the only includer of sqlite3.h.  Every SQL statement of the project is
 * in corpus/ and goes through this.
 *
 * A connection belongs to one thread at a time.  Failures name the file and, for what a user can
 * mend (locked, read-only, not a database, full), say what to do.
 */
#ifndef CORPUS_SQL_H
#define CORPUS_SQL_H

#include "core/error.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct sql;      /* a connection */
struct sql_stmt; /* a prepared statement */

int sql_exec(struct sql *s, const char *text, struct error *error);
/* Prepare once and keep: the same text gives the same statement, reset and unbound; the
 * connection owns it. */
struct sql_stmt *sql_prepare(struct sql *s, const char *text, struct error *error);
/* Parameters count from 1.  The bytes must live until the statement is reset. */
void sql_bind_int(struct sql_stmt *q, int i, int64_t v);
void sql_bind_real(struct sql_stmt *q, int i, double v);
void sql_bind_text(struct sql_stmt *q, int i, struct slice v); /* absent slice: NULL */
void sql_bind_blob(struct sql_stmt *q, int i, const void *data, size_t len);
void sql_bind_null(struct sql_stmt *q, int i);
/* 1 a row stands ready, 0 done (and reset), -1 failure (and reset). */
int sql_step(struct sql_stmt *q, struct error *error);
/* For statements that return no rows: step once and reset. */
int sql_run(struct sql_stmt *q, struct error *error);
void sql_reset(struct sql_stmt *q);
/* Columns count from 0; slices are valid until the next step or reset. */
int64_t sql_int(struct sql_stmt *q, int column);
double sql_real(struct sql_stmt *q, int column);
struct slice sql_text(struct sql_stmt *q, int column); /* absent slice for NULL; also for blobs */
bool sql_is_null(struct sql_stmt *q, int column);
int64_t sql_last_id(struct sql *s);
int64_t sql_changes(struct sql *s);

#endif
