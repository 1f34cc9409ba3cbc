/* Into a dataset and out of it, for the tests of import and export. */
#ifndef TESTS_CORPUS_EXCHANGING_H
#define TESTS_CORPUS_EXCHANGING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "corpus/exchange.h"

#include "tests/corpus/scratch.h"

#define GOOD(q) "{\"instruction\":\"" q "\",\"output\":\"a\"}"

static inline struct corpus *make(void **state, const char *name)
{
    struct error e = {0};
    struct corpus *c = corpus_open(scratch_path(state, name), CORPUS_CREATE, &e);
    if (c == NULL)
        fail_msg("%s", e.text);
    return c;
}

/* What the callbacks saw, one line each. */
static inline void note_fault(void *context, const char *file, uint64_t line, bool repaired,
                              const char *what)
{
    assert_non_null(file);
    buf_printf(context, "%d%s %s\n", (int)line, repaired ? "r" : "", what);
}

static inline struct import_counts put(void **state, struct corpus *c, const char *format,
                                       struct slice text, struct buf *faults)
{
    struct error e = {0};
    struct import_counts n = {0};
    struct import_options o = {.format = format, .fault = note_fault, .context = faults};
    const char *path = scratch_path(state, "in.json");
    if (faults == NULL)
        o.fault = NULL;
    assert_int_equal(file_replace(path, text, &e), 0);
    if (import_file(c, path, &o, NULL, &n, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(n.records, n.added + n.there + n.bad);
    return n;
}

static inline void get(void **state, struct corpus *c, const char *format, enum samples_which which,
                       struct buf *out)
{
    struct error e = {0};
    struct export_counts n;
    struct export_options o = {.format = format, .which = which};
    const char *path = scratch_path(state, "out.json");
    if (export_file(c, &o, path, NULL, &n, &e) != 0)
        fail_msg("%s", e.text);
    buf_clear(out);
    assert_int_equal(file_read(path, out, &e), 0);
    assert_int_equal(out->len, n.bytes);
}

#endif
