/* The dataset file: opening and refusing, transactions, totals, backup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "corpus/corpus.h"
#include "corpus/migrate.h"
#include "corpus/runs.h"
#include "corpus/samples.h"
#include "corpus/verdicts.h"

#include "tests/corpus/scratch.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct corpus *make(const char *path)
{
    struct error e = {0};
    struct corpus *c = corpus_open(path, CORPUS_CREATE, &e);
    if (c == NULL)
        fail_msg("%s", e.text);
    return c;
}

static void refused(const char *path, enum corpus_mode mode, enum error_code code,
                    const char *words)
{
    struct error e = {0};
    assert_null(corpus_open(path, mode, &e));
    assert_int_equal(e.code, code);
    if (strstr(e.text, words) == NULL || strchr(e.text, '\n') != NULL)
        fail_msg("expected \"%s\" in: %s", words, e.text);
}

static void test_create_and_reopen(void **state)
{
    const char *path = scratch_path(state, "a.db");
    struct error e = {0};
    struct corpus *c = make(path);
    int64_t v;
    assert_int_equal(sql_scalar(corpus_sql(c), "PRAGMA user_version", &v, &e), 0);
    assert_int_equal(v, CORPUS_VERSION);
    assert_int_equal(sql_scalar(corpus_sql(c), "PRAGMA foreign_keys", &v, &e), 0);
    assert_int_equal(v, 1);
    assert_int_equal(corpus_meta_set(c, "k", SLICE("v\0w"), &e), 0);
    corpus_close(c);
    c = corpus_open(path, CORPUS_READ, &e);
    assert_non_null(c);
    struct buf b = BUF;
    assert_int_equal(corpus_meta_get(c, "k", &b, &e), 1);
    assert_true(slice_equal(buf_view(&b), SLICE("v\0w")));
    assert_int_equal(corpus_meta_get(c, "none", &b, &e), 0);
    assert_int_equal(corpus_meta_set(c, "k", SLICE("x"), &e), -1); /* read only */
    assert_int_equal(e.code, ERROR_IO);
    buf_free(&b);
    corpus_close(c);
}

static void test_refusals(void **state)
{
    const char *path = scratch_path(state, "b.db");
    struct error e = {0};
    struct sql *s;
    refused(path, CORPUS_READ, ERROR_IO, "no such dataset");
    refused(path, CORPUS_WRITE, ERROR_IO, "no such dataset");
    refused(scratch_folder(state), CORPUS_READ, ERROR_INPUT, "a folder");
    refused("/nonexistent/x.db", CORPUS_CREATE, ERROR_IO, "cannot be opened");
    assert_int_equal(file_replace(path,
                                  SLICE("this is no database, but long enough to look like"
                                        " one; it goes on and on and on and on and on"),
                                  &e),
                     0);
    refused(path, CORPUS_READ, ERROR_INPUT, "not a dataset of retort");
    refused(path, CORPUS_CREATE, ERROR_INPUT, "not a dataset of retort");
    assert_int_equal(file_replace(path, SLICE(""), &e), 0);
    refused(path, CORPUS_READ, ERROR_INPUT, "empty");
    s = sql_open(path, SQL_CREATE, &e);
    assert_int_equal(sql_exec(s, "CREATE TABLE t (x); PRAGMA user_version = 3", &e), 0);
    sql_close(s);
    refused(path, CORPUS_CREATE, ERROR_INPUT, "another program");
}

static void test_newer_version(void **state)
{
    const char *path = scratch_path(state, "new.db");
    struct error e = {0};
    struct corpus *c = make(path);
    assert_int_equal(sql_exec(corpus_sql(c), "PRAGMA user_version = 999", &e), 0);
    corpus_close(c);
    refused(path, CORPUS_READ, ERROR_INPUT, "newer retort");
    refused(path, CORPUS_CREATE, ERROR_INPUT, "newer retort");
}

static const char *good_step(int from)
{
    return from == 1 ? "CREATE TABLE one (x)" : from == 2 ? "CREATE TABLE two (x)" : NULL;
}

static const char *bad_step(int from)
{
    return from == 1 ? "CREATE TABLE one (x)" : "CREATE TABLE two (x); CREATE TABLE one (x)";
}

static void test_migration(void **state)
{
    const char *path = scratch_path(state, "m.db");
    struct error e = {0};
    int64_t v;
    struct sql *s = sql_open(path, SQL_CREATE, &e);
    assert_int_equal(sql_exec(s, "PRAGMA user_version = 1", &e), 0);
    assert_int_equal(migrate_steps(s, 1, 3, bad_step, &e), -1);
    sql_scalar(s, "PRAGMA user_version", &v, &e); /* the step that failed left nothing */
    assert_int_equal(v, 2);
    sql_scalar(s, "SELECT count(*) FROM sqlite_schema", &v, &e);
    assert_int_equal(v, 1);
    assert_int_equal(migrate_steps(s, 2, 3, good_step, &e), 0);
    sql_scalar(s, "PRAGMA user_version", &v, &e);
    assert_int_equal(v, 3);
    assert_int_equal(migrate_steps(s, 3, 4, good_step, &e), -1);
    sql_close(s);
}

static void test_busy(void **state)
{
    const char *path = scratch_path(state, "busy.db");
    struct error e = {0};
    struct corpus *a = make(path), *b = make(path);
    sql_patience(corpus_sql(b), 20);
    assert_int_equal(corpus_begin(a, &e), 0);
    assert_int_equal(corpus_begin(b, &e), -1);
    assert_int_equal(e.code, ERROR_BUSY);
    assert_non_null(strstr(e.text, "held by another process"));
    assert_int_equal(corpus_commit(a, &e), 0);
    assert_int_equal(corpus_begin(b, &e), 0);
    corpus_rollback(b);
    corpus_close(a);
    corpus_close(b);
}

static void test_claim(void **state)
{
    const char *path = scratch_path(state, "claim.db");
    struct error e = {0};
    struct corpus *a = make(path), *b = make(path);
    assert_int_equal(corpus_claim(a, "gen", &e), 0);
    assert_int_equal(corpus_claim(b, "gen", &e), -1);
    assert_int_equal(e.code, ERROR_BUSY);
    corpus_close(a);
    assert_int_equal(corpus_claim(b, "gen", &e), 0);
    corpus_close(b);
    assert_false(file_exists(scratch_path(state, "claim.db-gen.lock")));
}

static void test_tally(void **state)
{
    const char *path = scratch_path(state, "tally.db");
    struct error e = {0};
    struct corpus *c = make(path), *reader = make(path);
    assert_int_equal(corpus_begin(c, &e), 0);
    corpus_tally(c, "x", 5, &e);
    corpus_tally(c, "y", 7, &e);
    corpus_tally(c, "x", -2, &e);
    assert_int_equal(corpus_tally_get(reader, "x"), 0);
    assert_int_equal(corpus_commit(c, &e), 0);
    assert_int_equal(corpus_tally_get(reader, "x"), 3);
    assert_int_equal(corpus_begin(c, &e), 0);
    corpus_tally(c, "x", 100, &e);
    corpus_rollback(c);
    corpus_tally(c, "y", 1, &e); /* outside a transaction: at once */
    assert_int_equal(corpus_tally_get(reader, "x"), 3);
    assert_int_equal(corpus_tally_get(reader, "y"), 8);
    corpus_close(c);
    corpus_close(reader);
}

static void test_backup(void **state)
{
    const char *path = scratch_path(state, "live.db");
    const char *to = scratch_path(state, "copy.db");
    struct error e = {0};
    struct corpus *c = make(path), *copy;
    struct sample s = {.instruction = SLICE("q"), .output = SLICE("a")};
    assert_int_equal(samples_add(c, &s, &e), 1);
    assert_int_equal(corpus_backup(c, to, &e), 0);
    assert_int_equal(corpus_backup(c, to, &e), -1);
    assert_non_null(strstr(e.text, "exists already"));
    assert_int_equal(samples_add(c, &s, &e), 1);
    copy = corpus_open(to, CORPUS_WRITE, &e);
    assert_non_null(copy);
    assert_int_equal(samples_count(copy, SAMPLES_ALL, &e), 1);
    corpus_close(copy);
    corpus_close(c);
}

/* A reader in a folder where it may not write, as another user: root may write everywhere. */
static void test_read_only_folder(void **state)
{
    const char *path = scratch_path(state, "ro.db");
    struct error e = {0};
    struct sample s = {.instruction = SLICE("q"), .output = SLICE("a")};
    struct corpus *c = make(path);
    int status = 0;
    pid_t child;
    assert_int_equal(samples_add(c, &s, &e), 1);
    corpus_close(c);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(scratch_folder(state), 0555), 0);
    child = fork();
    if (child == 0) {
        if (getuid() == 0 && setuid(65534) != 0)
            _exit(9);
        c = corpus_open(path, CORPUS_READ, &e);
        if (c == NULL || samples_count(c, SAMPLES_ALL, &e) != 1)
            _exit(1);
        corpus_close(c);
        c = corpus_open(path, CORPUS_WRITE, &e);
        _exit(c == NULL && strstr(e.text, "cannot be written") != NULL ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(scratch_folder(state), 0755), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* A writer killed in a transaction leaves what it had committed. */
static void test_kill(void **state)
{
    const char *path = scratch_path(state, "kill.db");
    struct error e = {0};
    struct sample s = {.instruction = SLICE("q"), .output = SLICE("a")};
    struct corpus *c;
    int status = 0, ready[2];
    char byte;
    pid_t child;
    corpus_close(make(path));
    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        c = corpus_open(path, CORPUS_WRITE, &e);
        corpus_begin(c, &e);
        for (int i = 0; i < 100; i++)
            samples_add(c, &s, &e);
        corpus_commit(c, &e);
        corpus_begin(c, &e);
        for (int i = 0; i < 50; i++)
            samples_add(c, &s, &e);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    c = corpus_open(path, CORPUS_READ, &e);
    assert_non_null(c);
    assert_int_equal(samples_count(c, SAMPLES_ALL, &e), 100);
    corpus_close(c);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_create_and_reopen),
        scratch_test(test_refusals),
        scratch_test(test_newer_version),
        scratch_test(test_migration),
        scratch_test(test_busy),
        scratch_test(test_claim),
        scratch_test(test_tally),
        scratch_test(test_backup),
        scratch_test(test_read_only_folder),
        scratch_test(test_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
