/* Import and export: exact round trips in every format, faults by line, idempotence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/json.h"
#include "corpus/exchange.h"
#include "corpus/format.h"
#include "corpus/verdicts.h"

#include "tests/corpus/scratch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct corpus *make(void **state, const char *name)
{
    struct error e = {0};
    struct corpus *c = corpus_open(scratch_path(state, name), CORPUS_CREATE, &e);
    if (c == NULL)
        fail_msg("%s", e.text);
    return c;
}

/* What the callbacks saw, one line each. */
static void note_fault(void *context, const char *file, uint64_t line, bool repaired,
                       const char *what)
{
    assert_non_null(file);
    buf_printf(context, "%d%s %s\n", (int)line, repaired ? "r" : "", what);
}

static struct import_counts put(void **state, struct corpus *c, const char *format,
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

static void get(void **state, struct corpus *c, const char *format, enum samples_which which,
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

/* import(text) then export gives the same bytes. */
static void exact(void **state, const char *format, struct slice text)
{
    struct buf out = BUF, faults = BUF;
    struct corpus *c = make(state, "exact.db");
    put(state, c, format, text, &faults);
    assert_string_equal(buf_text(&faults), "");
    get(state, c, format != NULL ? format : "jsonl", SAMPLES_ALL, &out);
    assert_int_equal(out.len, text.len);
    assert_memory_equal(buf_text(&out), text.data, text.len);
    buf_free(&out);
    buf_free(&faults);
    corpus_close(c);
    unlink(scratch_path(state, "exact.db"));
}

#define ASTRAL "\xF0\x9F\x98\x80\xF0\x90\x8D\x88"

static void test_exact_jsonl(void **state)
{
    exact(state, "jsonl",
          SLICE(
              "{\"id\":\"a\",\"system\":\"\",\"instruction\":\"q\\u0000r\",\"input\":\"\","
              "\"output\":\"" ASTRAL "\\n\\t\\\"\\\\\",\"reasoning\":\"why\",\"messages\":"
              "[{\"role\":\"user\",\"content\":\"x\",\"n\":1.5}],\"finish_reason\":\"stop\","
              "\"meta\":{\"big\":123456789012345678901234567890,\"neg\":-9223372036854775809,"
              "\"f\":0.1,\"deep\":[[{}]],\"nul\":\"\\u0000\"}}\n"
              "{\"id\":17,\"instruction\":\"\",\"input\":\"\",\"output\":\"\"}\n"
              "{\"id\":12345678901234567890123,\"instruction\":\"q\",\"input\":\"i\","
              "\"output\":\"\\u0000\"}\n"
              "{\"instruction\":\"no id\",\"input\":\"\",\"output\":\"\xE4\xBD\xA0\xE5\xA5\xBD\"}\n"
              "{\"instruction\":\"no "
              "id\",\"input\":\"\",\"output\":\"\xE4\xBD\xA0\xE5\xA5\xBD\"}\n"));
}

static void test_exact_alpaca(void **state)
{
    exact(state, "alpaca", SLICE("[]\n"));
    exact(state, "alpaca",
          SLICE("[\n{\"instruction\":\"q\",\"input\":\"" ASTRAL
                "\",\"output\":\"a\\u0000\"}\n]\n"));
    exact(state, "alpaca",
          SLICE(
              "[\n{\"id\":\"1\",\"system\":\"s\",\"instruction\":\"q3\",\"input\":\"\",\"output\":"
              "\"a3\",\"history\":[[\"q1\",\"a1\"],[\"q2\",\"a\\u00002\"]],\"meta\":{\"x\":1}},\n"
              "{\"instruction\":\"p\",\"input\":\"\",\"output\":\"b\"}\n]\n"));
}

static void test_exact_sharegpt(void **state)
{
    exact(state, "sharegpt",
          SLICE("[\n{\"id\":\"x\",\"conversations\":[{\"from\":\"system\",\"value\":\"s\"},"
                "{\"from\":\"human\",\"value\":\"q" ASTRAL
                "\"},{\"from\":\"gpt\",\"value\":\"a\"}]},"
                "\n{\"conversations\":[{\"from\":\"gpt\",\"value\":\"hello\"},"
                "{\"from\":\"human\",\"value\":\"q1\",\"weight\":0},{\"from\":\"gpt\",\"value\":"
                "\"a1\"},{\"from\":\"human\",\"value\":\"q2\"},{\"from\":\"gpt\",\"value\":"
                "\"a\\u0000\"}],\"meta\":{\"n\":18446744073709551616}}\n]\n"));
}

static void test_exact_messages(void **state)
{
    exact(state, "messages",
          SLICE(
              "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\","
              "\"content\":\"a\",\"reasoning_content\":\"r\"}]}\n"
              "{\"id\":5,\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\","
              "\"content\":\"q1\"},{\"role\":\"assistant\",\"content\":\"a1\"},{\"role\":\"user\","
              "\"content\":[{\"type\":\"text\",\"text\":\"part\"}]},{\"role\":\"assistant\","
              "\"content\":\"\\u0000\"}]}\n"
              "{\"messages\":[{\"role\":\"user\",\"content\":\"sum\"},{\"role\":\"assistant\","
              "\"content\":null,\"tool_calls\":[{\"id\":\"1\"}]},{\"role\":\"tool\",\"content\":"
              "\"3\",\"tool_call_id\":\"1\"},{\"role\":\"assistant\",\"content\":\"3\"}]}\n"));
}

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

#define GOOD(q) "{\"instruction\":\"" q "\",\"output\":\"a\"}"

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
    for (int array = 0; array < 2; array++)
        for (size_t len = 500; len < 540; len++) {
            struct buf text = BUF, faults = BUF;
            struct corpus *c = make(state, "l.db");
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
            corpus_close(c);
            unlink(scratch_path(state, "l.db"));
        }
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

static void judge(struct corpus *c, int64_t id, const char *rule, enum verdict_action action,
                  int64_t match, double similarity)
{
    struct error e = {0};
    struct verdict v = {.sample_id = id,
                        .rule = rule,
                        .version = 1,
                        .action = action,
                        .value = (double)NAN,
                        .threshold = (double)NAN,
                        .match_id = match,
                        .similarity = similarity};
    assert_int_equal(verdicts_put(c, &v, &e), 0);
}

static void test_decisions(void **state)
{
    struct buf out = BUF;
    struct corpus *c = make(state, "d.db");
    put(state, c, NULL,
        SLICE(GOOD("1") "\n{\"id\":\"b\",\"instruction\":\"q\",\"output\":\"a\"}\n"
                        "{\"id\":30,\"instruction\":\"q\",\"output\":\"a\"}\n" GOOD("4") "\n"),
        NULL);
    judge(c, 1, "near", VERDICT_REMOVE, 2, 0.875);
    judge(c, 1, "short \"x\"", VERDICT_REMOVE, 0, (double)NAN);
    judge(c, 1, "pii", VERDICT_FLAG, 0, (double)NAN);
    judge(c, 2, "exact", VERDICT_REMOVE, 3, 1);
    judge(c, 3, "empty", VERDICT_REMOVE, 0, (double)NAN);
    judge(c, 3, "human", VERDICT_KEEP, 0, (double)NAN);
    get(state, c, "decisions", SAMPLES_ALL, &out);
    assert_string_equal(
        buf_text(&out),
        "{\"id\":1,\"kept\":false,\"reasons\":[\"near\",\"short \\\"x\\\"\"],"
        "\"duplicate_of\":\"b\",\"similarity\":0.875}\n"
        "{\"id\":\"b\",\"kept\":false,\"reasons\":[\"exact\"],\"duplicate_of\":30,"
        "\"similarity\":1}\n"
        "{\"id\":30,\"kept\":true,\"reasons\":[],\"duplicate_of\":null,\"similarity\":null}\n"
        "{\"id\":4,\"kept\":true,\"reasons\":[],\"duplicate_of\":null,\"similarity\":null}\n");
    get(state, c, "jsonl", SAMPLES_KEPT, &out);
    assert_string_equal(buf_text(&out),
                        "{\"id\":30,\"instruction\":\"q\",\"input\":\"\",\"output\":\"a\"}\n"
                        "{\"instruction\":\"4\",\"input\":\"\",\"output\":\"a\"}\n");
    get(state, c, "alpaca", SAMPLES_REMOVED, &out);
    assert_string_equal(
        buf_text(&out),
        "[\n{\"instruction\":\"1\",\"input\":\"\",\"output\":\"a\"},\n{\"id\":\"b\","
        "\"instruction\":\"q\",\"input\":\"\",\"output\":\"a\"}\n]\n");
    buf_free(&out);
    corpus_close(c);
}

static void note_left_out(void *context, const char *id, const char *why)
{
    buf_printf(context, "%s: %s\n", id, why);
}

static void test_left_out(void **state)
{
    struct error e = {0};
    struct buf notes = BUF, out = BUF;
    struct export_counts n;
    struct export_options o = {.format = "alpaca", .left_out = note_left_out, .context = &notes};
    struct corpus *c = make(state, "o.db");
    const char *path = scratch_path(state, "o.json");
    put(state, c, NULL,
        SLICE("{\"messages\":[{\"role\":\"assistant\",\"content\":\"x\"},{\"role\":\"user\","
              "\"content\":\"y\"},{\"role\":\"assistant\",\"content\":\"z\"}]}\n" GOOD("q")),
        NULL);
    assert_int_equal(export_file(c, &o, path, NULL, &n, &e), 0);
    assert_int_equal(n.written, 1);
    assert_int_equal(n.left_out, 1);
    assert_string_equal(buf_text(&notes), "1: its turns are not pairs of question and answer\n");
    assert_int_equal(file_read(path, &out, &e), 0);
    assert_string_equal(buf_text(&out),
                        "[\n{\"instruction\":\"q\",\"input\":\"\",\"output\":\"a\"}\n]\n");
    buf_free(&notes);
    buf_free(&out);
    corpus_close(c);
}

static int refuse(void *context, const void *data, size_t len, struct error *error)
{
    (void)context, (void)data, (void)len;
    return error_set(error, ERROR_FULL, "no room");
}

static void test_failing_output(void **state)
{
    struct error e = {0};
    struct export_options o = {0};
    struct export_sink sink = {refuse, NULL};
    struct export_counts n;
    struct corpus *c = make(state, "w.db");
    put(state, c, NULL, SLICE(GOOD("q")), NULL);
    assert_int_equal(export_rows(c, &o, &sink, NULL, &n, &e), -1);
    assert_int_equal(e.code, ERROR_FULL);
    assert_int_equal(export_file(c, &o, "/nonexistent/x", NULL, &n, &e), -1);
    assert_int_equal(e.code, ERROR_IO);
    corpus_close(c);
}

/* Rows of real files keep their values through every format: jsonl, f, jsonl. */
static void real(void **state, const char *path)
{
    static const char *const through[] = {"jsonl", "alpaca", NULL};
    struct error e = {0};
    struct import_options o = {0};
    struct buf want = BUF, mid = BUF, got = BUF;
    struct import_counts n = {0};
    struct corpus *c = make(state, "real.db"), *d;
    if (import_file(c, path, &o, NULL, &n, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(n.bad, 0);
    assert_true(n.added > 900);
    get(state, c, "jsonl", SAMPLES_ALL, &want);
    for (int i = 0; through[i] != NULL; i++) {
        get(state, c, through[i], SAMPLES_ALL, &mid);
        d = make(state, "real2.db");
        put(state, d, through[i], buf_view(&mid), NULL);
        get(state, d, "jsonl", SAMPLES_ALL, &got);
        assert_true(slice_equal(buf_view(&want), buf_view(&got)));
        corpus_close(d);
        unlink(scratch_path(state, "real2.db"));
    }
    corpus_close(c);
    unlink(scratch_path(state, "real.db"));
    buf_free(&want);
    buf_free(&mid);
    buf_free(&got);
}

static void test_real_files(void **state)
{
    static const char *const paths[] = {"../shared/data/alpaca-1k/alpaca_en_1k.json",
                                        "../shared/data/alpaca-1k/alpaca_zh_1k.json",
                                        "../shared/data/near-duplicates/gpteacher_toolformer.json",
                                        "../shared/data/gsm8k/test.jsonl",
                                        "../shared/peers/filter/sample_1k.jsonl"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (file_exists(paths[i]))
            real(state, paths[i]);
        else
            print_message("SKIP %s is not there\n", paths[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_exact_jsonl),    scratch_test(test_exact_alpaca),
        scratch_test(test_exact_sharegpt), scratch_test(test_exact_messages),
        scratch_test(test_fields),         scratch_test(test_named_fields),
        scratch_test(test_faults_by_line), scratch_test(test_faults_in_array),
        scratch_test(test_too_long),       scratch_test(test_again_adds_nothing),
        scratch_test(test_strict),         scratch_test(test_refusals),
        scratch_test(test_decisions),      scratch_test(test_left_out),
        scratch_test(test_failing_output), scratch_test(test_real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
