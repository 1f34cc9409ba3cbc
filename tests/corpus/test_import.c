/* Import: fields, faults by line, idempotence, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/corpus/exchanging.h"

#include <string.h>
#include <unistd.h>

/* What one row becomes, as jsonl. */
static void becomes(void **state, const char *format, const char *in, const char *out)
{
    struct buf got = BUF, faults = BUF;
    struct corpus *c = make(state, "b.db");
    put(state, c, format, slice_of(in), &faults);
    assert_string_equal(buf_text(&faults), "");
    get(state, c, "jsonl", SAMPLES_ALL, &got);
    assert_string_equal(buf_text(&got), out);
    buf_free(&got);
    buf_free(&faults);
    corpus_close(c);
    unlink(scratch_path(state, "b.db"));
}

static void test_fields(void **state)
{
    becomes(state, NULL, "{\"question\":\"q\",\"answer\":\"a\",\"level\":3}",
            "{\"instruction\":\"q\",\"input\":\"\",\"output\":\"a\",\"meta\":{\"level\":3}}\n");
    /* a known name next to its synonym: the synonym is kept as meta */
    becomes(state, NULL,
            "{\"prompt\":\"p\",\"instruction\":\"q\",\"output\":7,\"meta\":{\"prompt\":0}}",
            "{\"instruction\":\"q\",\"input\":\"\",\"output\":\"7\","
            "\"meta\":{\"prompt\":0,\"prompt_\":\"p\"}}\n");
    becomes(state, NULL, "{\"instruction\":\"q\",\"output\":\"a\",\"meta\":5,\"id\":null}",
            "{\"instruction\":\"q\",\"input\":\"\",\"output\":\"a\",\"meta\":{\"meta\":5}}\n");
    becomes(state, NULL,
            "[{\"conversations\":[{\"role\":\"user\",\"content\":\"q\"},"
            "{\"from\":\"chatgpt\",\"value\":\"a\"}],\"system\":\"s\"}]",
            "{\"system\":\"s\",\"instruction\":\"q\",\"input\":\"\",\"output\":\"a\"}\n");
    becomes(state, NULL,
            "{\"messages\":[{\"role\":\"user\",\"content\":\"q1\"},{\"role\":\"assistant\","
            "\"content\":\"a1\"},{\"role\":\"user\",\"content\":\"q2\"},{\"role\":\"assistant\","
            "\"content\":\"a2\"}]}",
            "{\"instruction\":\"q2\",\"input\":\"\",\"output\":\"a2\",\"messages\":"
            "[{\"role\":\"user\",\"content\":\"q1\"},{\"role\":\"assistant\",\"content\":\"a1\"},"
            "{\"role\":\"user\",\"content\":\"q2\"}]}\n");
}

static void test_named_fields(void **state)
{
    struct error e = {0};
    struct import_counts n = {0};
    struct buf out = BUF, faults = BUF;
    struct corpus *c = make(state, "n.db");
    struct import_options o = {.names = {.id = "key", .instruction = "x", .output = "y"},
                               .source = "elsewhere",
                               .fault = note_fault,
                               .context = &faults};
    const char *path = scratch_path(state, "n.jsonl");
    assert_int_equal(file_replace(path,
                                  SLICE(
                                      "{\"key\":\"k\",\"x\":\"q\",\"y\":\"a\",\"output\":\"no\"}\n"
                                      "{\"x\":\"q\",\"y\":\"a\"}\n"),
                                  &e),
                     0);
    assert_int_equal(import_file(c, path, &o, NULL, &n, &e), 0);
    assert_int_equal(n.added, 1);
    assert_string_equal(buf_text(&faults), "2 no field \"key\"\n");
    get(state, c, "jsonl", SAMPLES_ALL, &out);
    assert_string_equal(buf_text(&out),
                        "{\"id\":\"k\",\"instruction\":\"q\",\"input\":\"\",\"output\":\"a\","
                        "\"meta\":{\"output\":\"no\"}}\n");
    buf_free(&out);
    buf_free(&faults);
    corpus_close(c);
}

static void test_faults_by_line(void **state)
{
    struct buf faults = BUF;
    struct corpus *c = make(state, "f.db");
    struct import_counts n = put(
        state, c, NULL,
        SLICE("\xEF\xBB\xBF" GOOD(
            "1") "\r\n"
                 "\n"
                 "{\"instruction\":\"2\",\"output\":\"a\"\n" GOOD("3\xFF") "\n" GOOD(
                     "4") "x\n"
                          "[1]\n" GOOD(
                              "\\ud83d") "\n"
                                         "{\"instruction\":\"no output\"}\n"
                                         "{\"instruction\":[],\"output\":\"a\"}\n"
                                         "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]}\n"
                                         "  \n" GOOD("a\0b") "\n"
                                                             "{\"id\":\"i\",\"instruction\":\"p\","
                                                             "\"output\":\"a\"}\n"
                                                             "{\"id\":\"i\",\"instruction\":\"p\","
                                                             "\"output\":\"other\"}\n"
                                                             "{\"id\":\"i\",\"instruction\":\"p\","
                                                             "\"output\":\"a\"}\n" GOOD("last")),
        &faults);
    assert_int_equal(n.added, 4);
    assert_int_equal(n.there, 1);
    assert_int_equal(n.bad, 9);
    assert_int_equal(n.repaired, 1);
    for (int i = 0; i < 10; i++) {
        static const char *const want[] = {
            "3 column ",
            "\n4 column ",
            "\n5 column ",
            "\n6 expected an object, got array",
            "\n7r a lone surrogate",
            "\n8 no field \"output\"",
            "\n9 instruction: expected a string",
            "\n10 the last turn is not a reply",
            "\n12 column ",
            "\n14 id \"i\" belongs to row 3, which has another text"};
        if (strstr(buf_text(&faults), want[i]) == NULL)
            fail_msg("no \"%s\" in:\n%s", want[i], buf_text(&faults));
    }
    buf_free(&faults);
    corpus_close(c);
}

static void test_faults_in_array(void **state)
{
    struct buf faults = BUF;
    struct corpus *c = make(state, "f.db");
    struct import_counts n =
        put(state, c, NULL,
            SLICE(" [" GOOD(
                "1") ",\n"
                     "{\"instruction\":\n\"2\",\"output\" \"a]}\"},\n" GOOD(
                         "3 ]}[{ \\\" \\\\") "\n" GOOD("4") ", 7, \"text\",\n" GOOD("5") ",\n]  x"),
            &faults);
    assert_int_equal(n.added, 4);
    /* bad JSON, 7, text, a missing comma, a comma too many, text behind the end */
    assert_int_equal(n.bad, 6);
    assert_non_null(strstr(buf_text(&faults), "3 column "));
    assert_non_null(strstr(buf_text(&faults), "5 expected a comma"));
    assert_non_null(strstr(buf_text(&faults), "7 a comma before the ]"));
    assert_non_null(strstr(buf_text(&faults), "7 text behind the end"));
    buf_clear(&faults);
    n = put(state, c, NULL, SLICE("[" GOOD("6") ",\n{\"instruction\":\"7"), &faults);
    assert_int_equal(n.added, 1);
    assert_string_equal(buf_text(&faults), "2 the file ends inside this record\n");
    buf_clear(&faults);
    n = put(state, c, NULL, SLICE("[" GOOD("8") "\n"), &faults);
    assert_string_equal(buf_text(&faults), "2 the array does not end: the file is cut short\n");
    assert_int_equal(n.added, 1);
    buf_free(&faults);
    corpus_close(c);
}

static void test_too_long(void **state)
{
    static const char *const form[][3] = {{"", "\n", ""}, {"[", ",", "]"}};
    struct error e = {0};
    struct corpus *c = make(state, "l.db");
    for (int array = 0; array < 2; array++)
        for (size_t len = 500; len < 540; len++) {
            struct buf text = BUF, faults = BUF;
            struct import_counts n = {0};
            struct import_options o = {.max_record = 512, .fault = note_fault, .context = &faults};
            const char *path = scratch_path(state, "long.jsonl");
            buf_str(&text, form[array][0]);
            buf_str(&text, GOOD("first"));
            buf_str(&text, form[array][1]);
            buf_str(&text, "{\"instruction\":\"");
            while (text.len < len + strlen(GOOD("first")) + 1)
                buf_char(&text, 'x');
            buf_str(&text, "\",\"output\":\"\"}");
            buf_str(&text, form[array][1]);
            buf_str(&text, GOOD("third"));
            buf_str(&text, form[array][2]);
            assert_int_equal(file_replace(path, buf_view(&text), &e), 0);
            assert_int_equal(import_file(c, path, &o, NULL, &n, &e), 0);
            assert_int_equal(n.records, 3);
            assert_true(n.bad == 0 || n.bad == 1);
            /* the second record is len + 14 - (array ? 1 : 0) bytes long */
            assert_int_equal(n.bad, len + 14 - (size_t)array > 512);
            if (n.bad != 0)
                assert_non_null(strstr(buf_text(&faults), "a record of more than"));
            buf_free(&text);
            buf_free(&faults);
        }
    corpus_close(c);
}

static void test_again_adds_nothing(void **state)
{
    struct slice text = SLICE(GOOD("1") "\n" GOOD("2") "\n" GOOD(
        "1") "\n"
             "{\"id\":9,\"instruction\":\"q\",\"output\":\"a\"}\n");
    struct slice more =
        SLICE(GOOD("1") "\n" GOOD("2") "\n" GOOD("1") "\n" GOOD("1") "\n" GOOD("3"));
    struct corpus *c = make(state, "again.db");
    struct import_counts n = put(state, c, NULL, text, NULL);
    assert_int_equal(n.added, 4);
    n = put(state, c, NULL, text, NULL);
    assert_int_equal(n.added, 0);
    assert_int_equal(n.there, 4);
    n = put(state, c, NULL, more, NULL);
    assert_int_equal(n.added, 2);
    assert_int_equal(n.there, 3);
    n = put(state, c, NULL, more, NULL);
    assert_int_equal(n.added, 0);
    corpus_close(c);
}

static void test_strict(void **state)
{
    struct error e = {0};
    struct import_counts n = {0};
    struct import_options o = {.strict = true};
    struct corpus *c = make(state, "strict.db");
    const char *path = scratch_path(state, "s.jsonl");
    assert_int_equal(file_replace(path, SLICE(GOOD("1") "\n" GOOD("2") "\nbroken\n"), &e), 0);
    assert_int_equal(import_file(c, path, &o, NULL, &n, &e), -1);
    assert_int_equal(e.code, ERROR_INPUT);
    assert_non_null(strstr(e.text, "s.jsonl:3: column 1"));
    assert_int_equal(samples_count(c, SAMPLES_ALL, &e), 0);
    assert_int_equal(file_replace(path, SLICE(GOOD("1") "\n" GOOD("2") "\n"), &e), 0);
    assert_int_equal(import_file(c, path, &o, NULL, &n, &e), 0);
    assert_int_equal(samples_count(c, SAMPLES_ALL, &e), 2);
    corpus_close(c);
}

static void test_refusals(void **state)
{
    struct error e = {0};
    struct import_counts n = {0};
    struct import_options o = {0};
    struct export_options x = {.format = "csv"};
    struct export_counts w;
    struct corpus *c = make(state, "r.db");
    const char *path = scratch_path(state, "u16");
    assert_int_equal(import_file(c, scratch_path(state, "none"), &o, NULL, &n, &e), -1);
    assert_int_equal(e.code, ERROR_IO);
    assert_int_equal(import_file(c, scratch_folder(state), &o, NULL, &n, &e), -1);
    o.format = "csv";
    assert_int_equal(file_replace(path, SLICE("\xFF\xFE{\0}\0"), &e), 0);
    assert_int_equal(import_file(c, path, &o, NULL, &n, &e), -1);
    assert_int_equal(e.code, ERROR_USAGE);
    assert_non_null(strstr(e.text, "messages, sharegpt, alpaca, jsonl, decisions"));
    o.format = "decisions";
    assert_int_equal(import_file(c, path, &o, NULL, &n, &e), -1);
    assert_int_equal(e.code, ERROR_USAGE);
    o.format = NULL;
    assert_int_equal(import_file(c, path, &o, NULL, &n, &e), -1);
    assert_non_null(strstr(e.text, "UTF-16"));
    assert_int_equal(file_replace(path, SLICE("a,b\n1,2\n"), &e), 0);
    assert_int_equal(import_file(c, path, &o, NULL, &n, &e), -1);
    assert_non_null(strstr(e.text, "none of its 2 records"));
    assert_int_equal(file_replace(path, SLICE("\n"), &e), 0);
    assert_int_equal(import_file(c, path, &o, NULL, &n, &e), 0); /* empty is no fault */
    assert_int_equal(export_file(c, &x, path, NULL, &w, &e), -1);
    assert_int_equal(e.code, ERROR_USAGE);
    corpus_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_fields),         scratch_test(test_named_fields),
        scratch_test(test_faults_by_line), scratch_test(test_faults_in_array),
        scratch_test(test_too_long),       scratch_test(test_again_adds_nothing),
        scratch_test(test_strict),         scratch_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
