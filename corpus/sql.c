#include "corpus/sql.h"

#include "core/mem.h"
#include "core/vec.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <string.h>

enum { RECENT = 128, MAX_ARGUMENTS = 4, PATIENCE_MS = 10000 };

struct sql_stmt {
    struct sql *owner;
    sqlite3_stmt *q;
    char *text;
};

struct sql {
    sqlite3 *db;
    char *path;
    struct sql_stmt **statements; /* all of them, in the order they were prepared */
    size_t n, cap;
    struct sql_stmt *recent[RECENT]; /* by the address of the text: a first guess */
    struct sql_function *functions;
};

struct sql_function {
    struct sql_function *next;
    sql_function *fn;
    void *context;
};

/* What the system said when SQLite only says "input/output error".  Where it forgot what the system
 * said of a write, the usual reason is taken. */
static int input_output_error(struct sql *s, int code, struct error *error)
{
    int errnum = sqlite3_system_errno(s->db);
    if (errnum == 0 && (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE))
        errnum = ENOSPC;
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
        return error_set(error, ERROR_FULL,
                         "%s: no space left (%s); what was committed is safe: make room and run "
                         "the same command again",
                         s->path, strerror(errnum));
    return error_set(error, ERROR_IO, "%s: %s (%s); check the disk", s->path, sqlite3_errmsg(s->db),
                     errnum != 0 ? strerror(errnum) : "no more is known");
}

/* Turn SQLite's code into a line a user can act on.  Returns -1. */
static int failure(struct sql *s, int code, struct error *error)
{
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(error, ERROR_BUSY,
                         "%s: held by another process; wait for it to end or stop it", s->path);
    case SQLITE_READONLY:
        return error_set(error, ERROR_IO,
                         "%s: cannot be written; change the permissions of the file and its "
                         "folder, or work on a copy",
                         s->path);
    case SQLITE_NOTADB:
        return error_set(error, ERROR_INPUT, "%s: not a dataset of retort; give another file name",
                         s->path);
    case SQLITE_CORRUPT:
        return error_set(error, ERROR_INPUT,
                         "%s: damaged (%s); see `retort status --check`, restore a backup, or save "
                         "what is readable with `sqlite3 FILE .recover`",
                         s->path, sqlite3_errmsg(s->db));
    case SQLITE_FULL:
        return error_set(error, ERROR_FULL,
                         "%s: no space left; what was committed is safe: make room and run the "
                         "same command again",
                         s->path);
    case SQLITE_IOERR: return input_output_error(s, code, error);
    case SQLITE_CANTOPEN:
        return error_set(error, ERROR_IO,
                         "%s: cannot be opened (%s); check the path and the permissions of the "
                         "file and its folder",
                         s->path,
                         sqlite3_system_errno(s->db) != 0 ? strerror(sqlite3_system_errno(s->db))
                                                          : sqlite3_errmsg(s->db));
    case SQLITE_TOOBIG:
        return error_set(error, ERROR_LIMIT, "%s: a value of more than %d MB", s->path,
                         SQL_MAX_VALUE >> 20);
    case SQLITE_NOMEM: return error_set(error, ERROR_MEMORY, "%s: out of memory", s->path);
    case SQLITE_CONSTRAINT:
        return error_set(error, ERROR_INPUT, "%s: %s", s->path, sqlite3_errmsg(s->db));
    default: return error_set(error, ERROR_FAILED, "%s: %s", s->path, sqlite3_errmsg(s->db));
    }
}

/* The path as a file: URI that says the file will not change. */
static void immutable_uri(const char *path, struct buf *uri)
{
    buf_str(uri, "file:");
    for (; *path != '\0'; path++)
        if (strchr("%?#", *path) != NULL)
            buf_printf(uri, "%%%02X", (unsigned)*path);
        else
            buf_char(uri, *path);
    buf_str(uri, "?immutable=1");
}

static int open_handle(struct sql *s, enum sql_mode mode)
{
    static const int flags[] = {
        [SQL_IMMUTABLE] = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
        [SQL_WRITE] = SQLITE_OPEN_READWRITE,
        [SQL_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
    };
    struct buf uri = BUF;
    int rc;
    if (mode == SQL_IMMUTABLE)
        immutable_uri(s->path, &uri);
    else if (strncmp(s->path, "file:", 5) == 0) /* a name, never a URI */
        buf_str(&uri, "./");
    if (mode != SQL_IMMUTABLE)
        buf_str(&uri, s->path);
    rc = sqlite3_open_v2(buf_text(&uri), &s->db, flags[mode] | SQLITE_OPEN_NOMUTEX, NULL);
    buf_free(&uri);
    return rc;
}

/* Nobody reads its sums of allocations, which it keeps under a lock. */
__attribute__((constructor)) static void no_statistics(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

struct sql *sql_open(const char *path, enum sql_mode mode, struct error *error)
{
    struct sql *s = mem_zero(1, sizeof *s);
    int rc;
    s->path = mem_strdup(path);
    rc = open_handle(s, mode);
    if (rc != SQLITE_OK) {
        failure(s, rc, error);
        sql_close(s);
        return NULL;
    }
    /* room for what statements take at each step beside what prepared ones keep: no allocation */
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 512, 512);
    sqlite3_extended_result_codes(s->db, 1);
    sql_patience(s, PATIENCE_MS);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, SQL_MAX_VALUE);
    /* A dataset may come from anywhere: nothing in its schema may call what is unsafe. */
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return s;
}

void sql_close(struct sql *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++) {
        sqlite3_finalize(s->statements[i]->q);
        mem_free(s->statements[i]->text);
        mem_free(s->statements[i]);
    }
    sqlite3_close(s->db);
    while (s->functions != NULL) {
        struct sql_function *f = s->functions;
        s->functions = f->next;
        mem_free(f);
    }
    mem_free(s->statements);
    mem_free(s->path);
    mem_free(s);
}

void sql_patience(struct sql *s, int ms)
{
    sqlite3_busy_timeout(s->db, ms);
}

bool sql_idle(struct sql *s)
{
    return sqlite3_get_autocommit(s->db) != 0;
}

int sql_exec(struct sql *s, const char *text, struct error *error)
{
    int rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : failure(s, rc, error);
}

static struct sql_stmt *reuse(struct sql_stmt *q)
{
    sqlite3_reset(q->q);
    sqlite3_clear_bindings(q->q);
    return q;
}

static bool usable(const struct sql_stmt *q, const char *text)
{
    return q != NULL && strcmp(q->text, text) == 0 && !sqlite3_stmt_busy(q->q);
}

struct sql_stmt *sql_prepare(struct sql *s, const char *text, struct error *error)
{
    struct sql_stmt **guess = &s->recent[((uintptr_t)text >> 3) % RECENT];
    struct sql_stmt *q;
    sqlite3_stmt *prepared;
    const char *rest = "";
    int rc;
    if (usable(*guess, text))
        return reuse(*guess);
    for (size_t i = 0; i < s->n; i++)
        if (usable(s->statements[i], text))
            return reuse(*guess = s->statements[i]);
    rc = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &prepared, &rest);
    if (rc == SQLITE_OK && prepared != NULL && rest[strspn(rest, " \t\r\n;")] != '\0') {
        sqlite3_finalize(prepared);
        error_set(error, ERROR_USAGE, "%s: more than one statement, from \"%.40s\" on", s->path,
                  rest);
        return NULL;
    }
    if (rc != SQLITE_OK || prepared == NULL) {
        if (rc != SQLITE_OK)
            failure(s, rc, error);
        else
            error_set(error, ERROR_USAGE, "%s: an empty query", s->path);
        return NULL;
    }
    q = mem_zero(1, sizeof *q);
    *q = (struct sql_stmt){.owner = s, .q = prepared, .text = mem_strdup(text)};
    s->statements = vec_reserve(s->statements, &s->cap, s->n + 1, sizeof(struct sql_stmt *));
    s->statements[s->n++] = q;
    return *guess = q;
}

void sql_bind_int(struct sql_stmt *q, int i, int64_t v)
{
    sqlite3_bind_int64(q->q, i, v);
}

void sql_bind_real(struct sql_stmt *q, int i, double v)
{
    sqlite3_bind_double(q->q, i, v); /* SQLite stores NAN as NULL */
}

void sql_bind_text(struct sql_stmt *q, int i, struct slice v)
{
    sqlite3_bind_text64(q->q, i, v.data, v.len, SQLITE_STATIC, SQLITE_UTF8);
}

void sql_bind_blob(struct sql_stmt *q, int i, const void *data, size_t len)
{
    sqlite3_bind_blob64(q->q, i, data, len, SQLITE_STATIC);
}

void sql_bind_null(struct sql_stmt *q, int i)
{
    sqlite3_bind_null(q->q, i);
}

int sql_step(struct sql_stmt *q, struct error *error)
{
    int rc = sqlite3_step(q->q);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        failure(q->owner, rc, error);
    sqlite3_reset(q->q);
    return rc == SQLITE_DONE ? 0 : -1;
}

int sql_run(struct sql_stmt *q, struct error *error)
{
    int rc = sql_step(q, error);
    if (rc == 1)
        sqlite3_reset(q->q);
    return rc < 0 ? -1 : 0;
}

void sql_reset(struct sql_stmt *q)
{
    if (q != NULL)
        sqlite3_reset(q->q);
}

int64_t sql_int(struct sql_stmt *q, int column)
{
    return sqlite3_column_int64(q->q, column);
}

double sql_real(struct sql_stmt *q, int column)
{
    return sql_is_null(q, column) ? (double)NAN : sqlite3_column_double(q->q, column);
}

struct slice sql_text(struct sql_stmt *q, int column)
{
    int type = sqlite3_column_type(q->q, column);
    const void *data;
    if (type == SQLITE_NULL)
        return (struct slice){NULL, 0};
    data = type == SQLITE_BLOB ? sqlite3_column_blob(q->q, column)
                               : (const void *)sqlite3_column_text(q->q, column);
    return slice_from(data != NULL ? data : "", (size_t)sqlite3_column_bytes(q->q, column));
}

struct slice sql_bytes(struct sql_stmt *q, int column)
{
    const void *data = sqlite3_column_blob(q->q, column);
    const size_t len = (size_t)sqlite3_column_bytes(q->q, column);
    if (data == NULL && sql_is_null(q, column))
        return (struct slice){NULL, 0};
    return slice_from(data != NULL ? data : "", len);
}

bool sql_is_null(struct sql_stmt *q, int column)
{
    return sqlite3_column_type(q->q, column) == SQLITE_NULL;
}

bool sql_is_blob(struct sql_stmt *q, int column)
{
    return sqlite3_column_type(q->q, column) == SQLITE_BLOB;
}

bool sql_is_number(struct sql_stmt *q, int column)
{
    int type = sqlite3_column_type(q->q, column);
    return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

bool sql_is_integer(struct sql_stmt *q, int column)
{
    return sqlite3_column_type(q->q, column) == SQLITE_INTEGER;
}

bool sql_only_reads(struct sql_stmt *q)
{
    return sqlite3_stmt_readonly(q->q) != 0;
}

int sql_columns(struct sql_stmt *q)
{
    return sqlite3_column_count(q->q);
}

const char *sql_column_name(struct sql_stmt *q, int column)
{
    return sqlite3_column_name(q->q, column);
}

int64_t sql_last_id(struct sql *s)
{
    return sqlite3_last_insert_rowid(s->db);
}

int64_t sql_changes(struct sql *s)
{
    return sqlite3_changes64(s->db);
}

void sql_triggers(struct sql *s, bool on)
{
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, on ? 1 : 0, NULL);
}

int sql_scalar(struct sql *s, const char *text, int64_t *out, struct error *error)
{
    struct sql_stmt *q = sql_prepare(s, text, error);
    int rc = q != NULL ? sql_step(q, error) : -1;
    if (rc < 0)
        return -1;
    *out = rc == 1 ? sql_int(q, 0) : 0;
    sql_reset(q);
    return 0;
}

static void call_function(sqlite3_context *context, int n, sqlite3_value **values)
{
    struct sql_function *f = sqlite3_user_data(context);
    struct slice args[MAX_ARGUMENTS];
    struct buf out = BUF_MAX(SQL_MAX_VALUE);
    for (int i = 0; i < n; i++) {
        const void *data = sqlite3_value_blob(values[i]);
        int len = sqlite3_value_bytes(values[i]);
        args[i] = slice_from(data, (size_t)len);
        if (data == NULL && sqlite3_value_type(values[i]) != SQLITE_NULL)
            args[i].data = "";
    }
    switch (f->fn(f->context, args, n, &out)) {
    case SQL_RESULT_TEXT:
        sqlite3_result_text64(context, buf_text(&out), out.len, SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
    case SQL_RESULT_BLOB:
        sqlite3_result_blob64(context, buf_text(&out), out.len, SQLITE_TRANSIENT);
        break;
    case SQL_RESULT_ERROR: sqlite3_result_error(context, buf_text(&out), (int)out.len); break;
    case SQL_RESULT_NULL: sqlite3_result_null(context); break;
    }
    buf_free(&out);
}

int sql_add_function(struct sql *s, const char *name, int n, sql_function *fn, void *context,
                     struct error *error)
{
    struct sql_function *f = mem_zero(1, sizeof *f);
    int rc;
    *f = (struct sql_function){.next = s->functions, .fn = fn, .context = context};
    s->functions = f;
    rc = sqlite3_create_function_v2(s->db, name, n < MAX_ARGUMENTS ? n : MAX_ARGUMENTS,
                                    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, f,
                                    call_function, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : failure(s, rc, error);
}

int sql_backup(struct sql *s, const char *to, struct error *error)
{
    struct sql *copy = sql_open(to, SQL_CREATE, error);
    sqlite3_backup *backup;
    int rc = SQLITE_OK;
    if (copy == NULL)
        return -1;
    backup = sqlite3_backup_init(copy->db, "main", s->db, "main");
    if (backup != NULL) {
        rc = sqlite3_backup_step(backup, -1); /* one step: a snapshot, whoever writes meanwhile */
        if (rc == SQLITE_DONE)
            rc = SQLITE_OK;
        sqlite3_backup_finish(backup);
    } else {
        rc = sqlite3_errcode(copy->db);
    }
    if (rc != SQLITE_OK)
        failure(copy, rc, error);
    sql_close(copy);
    return rc == SQLITE_OK ? 0 : -1;
}

const char *sql_library(void)
{
    return sqlite3_libversion();
}
