#include "corpus/corpus.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/vec.h"
#include "corpus/claim.h"
#include "corpus/migrate.h"
#include "corpus/rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tally {
    char key[64];
    int64_t delta;
};

struct corpus {
    struct sql *sql;
    char *path;
    struct claim *claim;
    bool in_transaction;
    struct tally *tallies; /* what the open transaction adds */
    size_t n_tallies, cap_tallies;
};

static int check_path(const char *path, enum corpus_mode mode, struct error *error)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno == ENOENT && mode == CORPUS_CREATE)
            return 0;
        if (errno == ENOENT)
            return error_set(error, ERROR_IO,
                             "%s: no such dataset; check the path (`retort gen` and `retort "
                             "import` make one)",
                             path);
        return error_system(error, errno, "%s", path);
    }
    if (S_ISDIR(st.st_mode))
        return error_set(error, ERROR_INPUT, "%s: a folder, not a dataset; give a file name", path);
    return 0;
}

/* A file with something in it but no schema version: is it of another program, or just new? */
static int fresh(struct corpus *c, int64_t application, enum corpus_mode mode, struct error *error)
{
    int64_t objects;
    if (sql_scalar(c->sql, "SELECT count(*) FROM sqlite_schema", &objects, error) != 0)
        return -1;
    if (application != 0 || objects != 0)
        return error_set(error, ERROR_INPUT,
                         "%s: a database of another program; give another file name", c->path);
    if (mode != CORPUS_CREATE)
        return error_set(error, ERROR_INPUT,
                         "%s: empty, not a dataset yet; run `retort gen` or `retort import` first",
                         c->path);
    return migrate_create(c->sql, error);
}

static int check_version(struct corpus *c, enum corpus_mode mode, struct error *error)
{
    int64_t application, version;
    if (sql_scalar(c->sql, "PRAGMA application_id", &application, error) != 0 ||
        sql_scalar(c->sql, "PRAGMA user_version", &version, error) != 0)
        return -1;
    if (version == 0 || application != CORPUS_APPLICATION)
        return fresh(c, application, mode, error);
    if (version > CORPUS_VERSION)
        return error_set(error, ERROR_INPUT,
                         "%s: made by a newer retort (schema %d; this one knows %d); update retort",
                         c->path, (int)version, CORPUS_VERSION);
    if (version < CORPUS_VERSION &&
        migrate_steps(c->sql, (int)version, CORPUS_VERSION, migrate_step, error) != 0)
        return error_wrap(error, "%s: cannot be brought up to date", c->path);
    return 0;
}

static int set_up(struct corpus *c, enum corpus_mode mode, struct error *error)
{
    if (check_version(c, mode, error) != 0 || rows_add_unpack(c->sql, error) != 0)
        return -1;
    if (mode == CORPUS_READ)
        return sql_exec(c->sql, "PRAGMA query_only = 1", error);
    return sql_exec(c->sql,
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                    "PRAGMA foreign_keys = ON; PRAGMA cache_size = -4000;"
                    "PRAGMA wal_autocheckpoint = 4000",
                    error);
}

/* In a folder where no log can be made a file without a log can still be read as it is: nobody
 * else can be writing it there. */
static bool can_be_immutable(const char *path)
{
    struct buf log = BUF;
    bool yes;
    buf_printf(&log, "%s-wal", path);
    yes = file_size(buf_text(&log)) == 0 && access(path, R_OK) == 0;
    buf_free(&log);
    return yes;
}

static int try_open(struct corpus *c, enum sql_mode how, enum corpus_mode mode, struct error *error)
{
    c->sql = sql_open(c->path, how, error);
    if (c->sql != NULL && set_up(c, mode, error) == 0)
        return 0;
    sql_close(c->sql);
    c->sql = NULL;
    return -1;
}

struct corpus *corpus_open(const char *path, enum corpus_mode mode, struct error *error)
{
    struct corpus *c;
    if (check_path(path, mode, error) != 0)
        return NULL;
    c = mem_zero(1, sizeof *c);
    c->path = mem_strdup(path);
    if (try_open(c, mode == CORPUS_CREATE ? SQL_CREATE : SQL_WRITE, mode, error) == 0)
        return c;
    if (mode == CORPUS_READ && error != NULL && error->code == ERROR_IO && can_be_immutable(path) &&
        try_open(c, SQL_IMMUTABLE, mode, error) == 0)
        return c;
    corpus_close(c);
    return NULL;
}

void corpus_close(struct corpus *c)
{
    if (c == NULL)
        return;
    sql_close(c->sql);
    claim_release(c->claim);
    mem_free(c->tallies);
    mem_free(c->path);
    mem_free(c);
}

const char *corpus_path(const struct corpus *c)
{
    return c->path;
}

struct sql *corpus_sql(struct corpus *c)
{
    return c->sql;
}

int corpus_durability(struct corpus *c, enum corpus_durability d, struct error *error)
{
    return sql_exec(c->sql,
                    d == CORPUS_FULL ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                    error);
}

int corpus_unchecked(struct corpus *c, struct error *error)
{
    return sql_exec(c->sql, "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON",
                    error);
}

int corpus_cache(struct corpus *c, int kb, struct error *error)
{
    char text[48];
    (void)snprintf(text, sizeof text, "PRAGMA cache_size = -%d", kb);
    return sql_exec(c->sql, text, error);
}

int corpus_map(struct corpus *c, int64_t bytes, struct error *error)
{
    char text[64];
    (void)snprintf(text, sizeof text, "PRAGMA mmap_size = %lld", (long long)bytes);
    return sql_exec(c->sql, text, error);
}

int corpus_bulk(struct corpus *c, bool on, struct error *error)
{
    return sql_exec(c->sql,
                    on ? "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32000;"
                         "PRAGMA wal_autocheckpoint = 16000"
                       : "PRAGMA synchronous = FULL; PRAGMA cache_size = -4000;"
                         "PRAGMA wal_autocheckpoint = 4000",
                    error);
}

int corpus_claim(struct corpus *c, const char *stage, struct error *error)
{
    struct claim *claim = claim_take(c->path, stage, error);
    if (claim == NULL)
        return -1;
    claim_release(c->claim);
    c->claim = claim;
    return 0;
}

void corpus_unclaim(struct corpus *c)
{
    claim_release(c->claim);
    c->claim = NULL;
}

static int run_simple(struct corpus *c, const char *text, struct error *error)
{
    struct sql_stmt *q = sql_prepare(c->sql, text, error);
    return q != NULL ? sql_run(q, error) : -1;
}

int corpus_begin(struct corpus *c, struct error *error)
{
    if (run_simple(c, "BEGIN IMMEDIATE", error) != 0)
        return -1;
    c->in_transaction = true;
    return 0;
}

static int tally_write(struct corpus *c, const char *key, int64_t delta, struct error *error)
{
    struct sql_stmt *q = sql_prepare(c->sql,
                                     "INSERT INTO tally (key, n) VALUES (?1, ?2)"
                                     " ON CONFLICT (key) DO UPDATE SET n = n + ?2",
                                     error);
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(key));
    sql_bind_int(q, 2, delta);
    return sql_run(q, error);
}

int corpus_commit(struct corpus *c, struct error *error)
{
    for (size_t i = 0; i < c->n_tallies; i++)
        if (c->tallies[i].delta != 0 &&
            tally_write(c, c->tallies[i].key, c->tallies[i].delta, error) != 0)
            goto fail;
    if (run_simple(c, "COMMIT", error) != 0)
        goto fail;
    c->n_tallies = 0;
    c->in_transaction = false;
    return 0;
fail:
    corpus_rollback(c);
    return -1;
}

void corpus_rollback(struct corpus *c)
{
    if (!sql_idle(c->sql)) /* a full disk may have rolled back already */
        (void)run_simple(c, "ROLLBACK", NULL);
    c->n_tallies = 0;
    c->in_transaction = false;
}

int corpus_tally(struct corpus *c, const char *key, int64_t delta, struct error *error)
{
    struct tally *t;
    if (strlen(key) >= sizeof t->key)
        return error_set(error, ERROR_FAILED, "tally %s: name too long", key);
    if (!c->in_transaction)
        return tally_write(c, key, delta, error);
    for (size_t i = 0; i < c->n_tallies; i++)
        if (strcmp(c->tallies[i].key, key) == 0) {
            c->tallies[i].delta += delta;
            return 0;
        }
    c->tallies = vec_reserve(c->tallies, &c->cap_tallies, c->n_tallies + 1, sizeof *t);
    t = &c->tallies[c->n_tallies++];
    memcpy(t->key, key, strlen(key) + 1);
    t->delta = delta;
    return 0;
}

int64_t corpus_tally_get(struct corpus *c, const char *key)
{
    struct sql_stmt *q = sql_prepare(c->sql, "SELECT n FROM tally WHERE key = ?1", NULL);
    int64_t n = 0;
    if (q == NULL)
        return 0;
    sql_bind_text(q, 1, slice_of(key));
    if (sql_step(q, NULL) == 1) {
        n = sql_int(q, 0);
        sql_reset(q);
    }
    return n;
}

int corpus_backup(struct corpus *c, const char *to, struct error *error)
{
    struct buf part = BUF;
    int rc = -1;
    if (file_exists(to))
        return error_set(error, ERROR_IO, "%s: exists already; give another name", to);
    buf_printf(&part, "%s.part", to);
    (void)unlink(buf_text(&part)); /* of a backup that was cut short */
    if (sql_backup(c->sql, buf_text(&part), error) == 0) {
        rc = rename(buf_text(&part), to);
        if (rc != 0)
            error_system(error, errno, "%s", to);
    }
    if (rc != 0)
        (void)unlink(buf_text(&part));
    buf_free(&part);
    return rc;
}

int corpus_meta_set(struct corpus *c, const char *key, struct slice value, struct error *error)
{
    struct sql_stmt *q = sql_prepare(c->sql,
                                     "INSERT INTO meta (key, value) VALUES (?1, ?2)"
                                     " ON CONFLICT (key) DO UPDATE SET value = ?2",
                                     error);
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(key));
    sql_bind_text(q, 2, value);
    return sql_run(q, error);
}

int corpus_meta_get(struct corpus *c, const char *key, struct buf *value, struct error *error)
{
    struct sql_stmt *q = sql_prepare(c->sql, "SELECT value FROM meta WHERE key = ?1", error);
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_text(q, 1, slice_of(key));
    rc = sql_step(q, error);
    if (rc == 1) {
        buf_slice(value, sql_text(q, 0));
        sql_reset(q);
    }
    return rc;
}
