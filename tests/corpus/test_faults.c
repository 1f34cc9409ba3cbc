/* An import killed, cut off from its disk or locked out loses nothing and goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/rng.h"
#include "core/signals.h"
#include "corpus/check.h"
#include "corpus/exchange.h"

#include "tests/corpus/scratch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 60000 };

/* Rows of two kinds, some of them the same: with an id and without. */
static const char *make_rows(void **state, int rows)
{
    const char *path = scratch_path(state, "rows.jsonl");
    struct buf text = BUF;
    struct error e = {0};
    for (int i = 0; i < rows; i++)
        if (i % 2 == 0)
            buf_printf(&text, "{\"id\":\"r%d\",\"instruction\":\"q%d\",\"output\":\"%0200d\"}\n", i,
                       i, i);
        else
            buf_printf(&text, "{\"instruction\":\"q%d\",\"output\":\"%0200d\"}\n", i % 1000, i % 7);
    assert_int_equal(file_replace(path, buf_view(&text), &e), 0);
    buf_free(&text);
    return path;
}

static int import(struct corpus *c, const char *path, struct import_counts *n, struct error *e)
{
    struct import_options o = {0};
    *n = (struct import_counts){0};
    return import_file(c, path, &o, NULL, n, e);
}

/* The dataset is whole, and importing again makes it complete. */
static void goes_on(const char *db, const char *rows, int want)
{
    struct error e = {0};
    struct import_counts n;
    struct buf found = BUF;
    struct corpus *c = corpus_open(db, CORPUS_CREATE, &e);
    int64_t before;
    if (c == NULL)
        fail_msg("%s", e.text);
    before = samples_count(c, SAMPLES_ALL, &e);
    if (check_run(c, &found, &e) != 0)
        fail_msg("%s%s", buf_text(&found), e.text);
    if (import(c, rows, &n, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(n.records, want);
    assert_int_equal((int64_t)n.there, before);
    assert_int_equal(samples_count(c, SAMPLES_ALL, &e), want);
    if (check_run(c, &found, &e) != 0)
        fail_msg("%s%s", buf_text(&found), e.text);
    buf_free(&found);
    corpus_close(c);
}

static void test_kill(void **state)
{
    const char *rows = make_rows(state, ROWS);
    struct rng r = rng_new(7, 1);
    int partial = 0;
    for (int round = 0; round < 4; round++) {
        char name[16];
        const char *db;
        int status = 0;
        pid_t child;
        struct error e = {0};
        struct corpus *c;
        (void)snprintf(name, sizeof name, "k%d.db", round);
        db = scratch_path(state, name);
        child = fork();
        if (child == 0) {
            struct import_counts n;
            c = corpus_open(db, CORPUS_CREATE, &e);
            _exit(c != NULL && import(c, rows, &n, &e) == 0 ? 0 : 1);
        }
        clock_sleep_ms(20 + 80 * round + (int64_t)rng_below(&r, 60));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        partial += WIFSIGNALED(status);
        goes_on(db, rows, ROWS);
    }
    if (partial == 0)
        print_message("all four imports were done before they were killed\n");
}

/* The child may write files of at most `limit` bytes, as if the disk were full there. */
static void full_disk(void **state, rlim_t limit, const char *db, const char *rows)
{
    int status = 0;
    pid_t child = fork();
    (void)state;
    if (child == 0) {
        struct rlimit r = {limit, limit};
        struct error e = {0};
        struct import_counts n;
        struct corpus *c;
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &r) != 0)
            _exit(9);
        c = corpus_open(db, CORPUS_CREATE, &e);
        if (c == NULL)
            _exit(e.code == ERROR_FULL ? 0 : 1);
        if (import(c, rows, &n, &e) == 0)
            _exit(2);
        if (e.code != ERROR_FULL || strstr(e.text, "no space left") == NULL ||
            strchr(e.text, '\n') != NULL) {
            (void)!write(STDERR_FILENO, e.text, strlen(e.text));
            _exit(3);
        }
        corpus_close(c);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_full_disk(void **state)
{
    static const rlim_t limits[] = {100, 4096, 40000, 200000, 1 << 20, 2 << 20, 4 << 20, 8 << 20};
    const char *rows = make_rows(state, ROWS);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char name[16];
        const char *db;
        (void)snprintf(name, sizeof name, "f%d.db", (int)i);
        db = scratch_path(state, name);
        full_disk(state, limits[i], db, rows);
        if (i % 2 == 1)
            goes_on(db, rows, ROWS);
    }
}

/* A second writer is told who is in the way, and nothing of its file is half there. */
static void test_locked(void **state)
{
    const char *rows = make_rows(state, 100), *db = scratch_path(state, "l.db");
    struct error e = {0};
    struct import_counts n;
    struct corpus *a = corpus_open(db, CORPUS_CREATE, &e);
    struct corpus *b = corpus_open(db, CORPUS_CREATE, &e);
    sql_patience(corpus_sql(b), 10);
    assert_int_equal(corpus_begin(a, &e), 0);
    assert_int_equal(import(b, rows, &n, &e), -1);
    assert_int_equal(e.code, ERROR_BUSY);
    assert_non_null(strstr(e.text, "held by another process"));
    assert_int_equal(corpus_commit(a, &e), 0);
    assert_int_equal(import(b, rows, &n, &e), 0);
    assert_int_equal(n.added, 100);
    corpus_close(a);
    corpus_close(b);
}

/* A file cut short or scribbled over anywhere: a clear line or correct rows, never a crash. */
static void test_torn(void **state)
{
    const char *rows = make_rows(state, 3000), *db = scratch_path(state, "t.db");
    const char *torn = scratch_path(state, "torn.db");
    struct error e = {0};
    struct import_counts n;
    struct rng r = rng_new(3, 1);
    struct buf whole = BUF;
    struct corpus *c = corpus_open(db, CORPUS_CREATE, &e);
    int noticed = 0;
    assert_int_equal(import(c, rows, &n, &e), 0);
    corpus_close(c);
    assert_int_equal(file_read(db, &whole, &e), 0);
    for (int i = 0; i < 40; i++) {
        struct buf copy = BUF, found = BUF;
        buf_slice(&copy, buf_view(&whole));
        if (i % 2 == 0)
            copy.len = rng_below(&r, (uint32_t)whole.len);
        else
            for (int k = 0; k < 2000; k++)
                copy.data[rng_below(&r, (uint32_t)whole.len)] = (char)rng_below(&r, 256);
        assert_int_equal(file_replace(torn, buf_view(&copy), &e), 0);
        error_clear(&e);
        c = corpus_open(torn, CORPUS_WRITE, &e);
        if (c == NULL || check_run(c, &found, &e) != 0) {
            noticed++;
            assert_true(found.len != 0 || e.text[0] != '\0');
        }
        if (c != NULL)
            (void)import(c, rows, &n, &e);
        corpus_close(c);
        buf_free(&copy);
        buf_free(&found);
    }
    assert_true(noticed >= 38); /* a cut at the very end may leave a whole file */
    buf_free(&whole);
}

/* Standard input that never ends: asked to stop, the import stops and keeps what came. */
static void test_interrupted_pipe(void **state)
{
    const char *db = scratch_path(state, "p.db");
    static const char row[] = "{\"instruction\":\"q\",\"output\":\"a\"}\n";
    int fds[2], status = 0;
    struct error e = {0};
    struct corpus *c;
    pid_t child;
    corpus_close(corpus_open(db, CORPUS_CREATE, &e));
    assert_int_equal(pipe(fds), 0);
    child = fork();
    if (child == 0) {
        struct import_counts n;
        signals_install();
        if (dup2(fds[0], STDIN_FILENO) < 0)
            _exit(9);
        c = corpus_open(db, CORPUS_WRITE, &e);
        status = import(c, "-", &n, &e);
        corpus_close(c);
        _exit(status == -1 && e.code == ERROR_INTERRUPTED ? 0 : 1);
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(write(fds[1], row, sizeof row - 1), sizeof row - 1);
    /* What came is committed although the pipe stays open. */
    c = corpus_open(db, CORPUS_READ, &e);
    for (int i = 0; i < 1000 && samples_count(c, SAMPLES_ALL, &e) != 10; i++)
        clock_sleep_ms(20);
    corpus_close(c);
    kill(child, SIGINT);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    c = corpus_open(db, CORPUS_READ, &e);
    assert_int_equal(samples_count(c, SAMPLES_ALL, &e), 10);
    corpus_close(c);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_kill), scratch_test(test_full_disk),        scratch_test(test_locked),
        scratch_test(test_torn), scratch_test(test_interrupted_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
