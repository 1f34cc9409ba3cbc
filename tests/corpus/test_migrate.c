/* A file of version 1 becomes what a new one is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "corpus/corpus.h"
#include "corpus/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The schema of the file, one statement a line of `out`. */
static void schema_of(const char *path, struct buf *out)
{
    struct corpus *c = corpus_open(path, CORPUS_CREATE, NULL);
    assert_non_null(c);
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "SELECT sql FROM sqlite_schema ORDER BY type, name", NULL);
    while (sql_step(q, NULL) == 1) {
        buf_slice(out, sql_text(q, 0));
        buf_char(out, '\n');
    }
    corpus_close(c);
}

static void test_from_1(void **state)
{
    char folder[] = "/tmp/retort-migrate-XXXXXX", old[64], new[64];
    struct buf text = BUF, was = BUF, is = BUF;
    struct error error = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(old, sizeof old, "%s/old.db", folder);
    snprintf(new, sizeof new, "%s/new.db", folder);
    assert_int_equal(file_read("tests/corpus/dataset-1.sql", &text, &error), 0);
    struct sql *s = sql_open(old, SQL_CREATE, &error);
    assert_non_null(s);
    buf_printf(&text,
               ";PRAGMA application_id = %d; PRAGMA user_version = 1;"
               "INSERT INTO meta VALUES ('kept', 'yes')",
               CORPUS_APPLICATION);
    assert_int_equal(sql_exec(s, buf_text(&text), &error), 0);
    sql_close(s);
    schema_of(old, &was);
    schema_of(new, &is);
    assert_string_equal(buf_text(&was), buf_text(&is));
    struct corpus *c = corpus_open(old, CORPUS_READ, &error);
    int64_t version;
    buf_clear(&text);
    assert_int_equal(corpus_meta_get(c, "kept", &text, &error), 1);
    assert_int_equal(sql_scalar(corpus_sql(c), "PRAGMA user_version", &version, &error), 0);
    assert_int_equal(version, CORPUS_VERSION);
    corpus_close(c);
    file_remove_tree(folder, NULL);
    buf_free(&text);
    buf_free(&was);
    buf_free(&is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_from_1)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
