/*
 * A thin face over SQLite: the only includer of sqlite3.h.  Every SQL statement of the project is
 * in corpus/ and goes through this.
 *
 * A connection belongs to one thread at a time.  Failures name the file and, for what a user can
 * mend (locked, read-only, not a database, full), say what to do.
 */
#ifndef CORPUS_SQL_H
#define CORPUS_SQL_H

#include "core/buf.h"
#include "core/error.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct sql;      /* a connection */
struct sql_stmt; /* a prepared statement */

enum sql_mode {
    SQL_WRITE,     /* must exist; reads only where writing is not permitted */
    SQL_IMMUTABLE, /* must exist and must not change: needs no write access to its folder */
    SQL_CREATE,    /* made when missing */
};

/* The longest value a column may hold: what outside data can make us allocate. */
enum { SQL_MAX_VALUE = 256 << 20 };

struct sql *sql_open(const char *path, enum sql_mode mode, struct error *error);
void sql_close(struct sql *s);
/* How long a statement waits for a lock that another process holds. */
void sql_patience(struct sql *s, int ms);
/* No transaction is open on this connection. */
bool sql_idle(struct sql *s);

/* Several statements; rows are thrown away. */
int sql_exec(struct sql *s, const char *text, struct error *error);
/* Prepare once and keep: the same text gives the same statement, reset and unbound; the
 * connection owns it.  While a statement is being stepped, the same text gives another one, so
 * walks may nest. */
struct sql_stmt *sql_prepare(struct sql *s, const char *text, struct error *error);
/* Parameters count from 1.  The bytes must live until the statement is reset. */
void sql_bind_int(struct sql_stmt *q, int i, int64_t v);
void sql_bind_real(struct sql_stmt *q, int i, double v);       /* NAN: NULL */
void sql_bind_text(struct sql_stmt *q, int i, struct slice v); /* absent slice: NULL */
void sql_bind_blob(struct sql_stmt *q, int i, const void *data, size_t len); /* data NULL: NULL */
void sql_bind_null(struct sql_stmt *q, int i);
/* 1 a row stands ready, 0 done (and reset), -1 failure (and reset). */
int sql_step(struct sql_stmt *q, struct error *error);
/* For statements that return no rows: step once and reset. */
int sql_run(struct sql_stmt *q, struct error *error);
void sql_reset(struct sql_stmt *q);
/* Columns count from 0; slices are valid until the next step or reset. */
int64_t sql_int(struct sql_stmt *q, int column);
double sql_real(struct sql_stmt *q, int column);       /* NAN for NULL */
struct slice sql_text(struct sql_stmt *q, int column); /* absent slice for NULL; also for blobs */
/* The same as it is stored, without a NUL behind it: cheaper by a copy. */
struct slice sql_bytes(struct sql_stmt *q, int column);
bool sql_is_null(struct sql_stmt *q, int column);
bool sql_is_blob(struct sql_stmt *q, int column);
bool sql_is_number(struct sql_stmt *q, int column);
bool sql_is_integer(struct sql_stmt *q, int column);
int sql_columns(struct sql_stmt *q);
const char *sql_column_name(struct sql_stmt *q, int column);
bool sql_only_reads(struct sql_stmt *q); /* the statement changes nothing */
int64_t sql_last_id(struct sql *s);
int64_t sql_changes(struct sql *s); /* of the last INSERT, UPDATE or DELETE */

/* The single integer a query gives (0 for NULL or no row) in *out. */
/* Off: statements fire no triggers; for bulk writes that do by themselves what triggers would. */
void sql_triggers(struct sql *s, bool on);
int sql_scalar(struct sql *s, const char *text, int64_t *out, struct error *error);

enum sql_result { SQL_RESULT_NULL, SQL_RESULT_TEXT, SQL_RESULT_BLOB, SQL_RESULT_ERROR };
/* Adds what the function answers to `out` (for SQL_RESULT_ERROR the message). */
typedef enum sql_result sql_function(void *context, const struct slice *args, int n,
                                     struct buf *out);
/* A function for queries on this connection, pure and bounded; at most 4 arguments. */
int sql_add_function(struct sql *s, const char *name, int n, sql_function *fn, void *context,
                     struct error *error);

/* Copy the whole database into a file, consistently, also while it is written. */
int sql_backup(struct sql *s, const char *to, struct error *error);
const char *sql_library(void); /* the version of SQLite */

#endif
