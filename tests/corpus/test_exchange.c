/* Import and export: exact round trips in every format, decisions, schemas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/embedded.h"
#include "core/json.h"
#include "core/schema.h"
#include "corpus/format.h"
#include "corpus/verdicts.h"

#include "tests/corpus/exchanging.h"

#include <string.h>
#include <unistd.h>

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

static int violations;

static void violated(void *context, const struct schema_violation *v)
{
    print_error("%s: %s: %s\n", (const char *)context, v->path, v->text);
    violations++;
}

/* What is exported is what schemas/row.FORMAT.schema.json promises. */
static void valid_rows(const char *format, struct slice text)
{
    struct error e = {0};
    struct buf name = BUF;
    const struct embedded_file *f;
    struct json *root, *rows;
    struct schema *schema;
    buf_printf(&name, "schemas/row.%s.schema.json", format);
    f = embedded_find(buf_text(&name));
    assert_non_null(f);
    root = json_parse(slice_from(f->data, f->size), 0, &e);
    schema = schema_compile(root, &e);
    if (schema == NULL)
        fail_msg("%s: %s", buf_text(&name), e.text);
    rows = json_parse(text, 0, &e);
    if (rows == NULL)
        fail_msg("%s: %s", format, e.text);
    /* none of the rows has soft labels */
    assert_int_equal(json_count(rows), strcmp(format, "soft-labels") == 0 ? 0 : 5);
    for (const struct json *r = json_first(rows); r != NULL; r = json_next(r))
        (void)schema_check(schema, r, violated, name.data);
    json_free(rows);
    schema_free(schema);
    json_free(root);
    buf_free(&name);
}

static void test_exports_keep_their_schemas(void **state)
{
    struct buf out = BUF, array = BUF;
    struct corpus *c = make(state, "v.db");
    put(state, c, NULL,
        SLICE("{\"id\":1,\"system\":\"s\",\"instruction\":\"q\",\"input\":\"i\",\"output\":\"a\","
              "\"reasoning\":\"r\",\"finish_reason\":\"stop\",\"meta\":{\"x\":[1]}}\n"
              "{\"id\":\"two\",\"messages\":[{\"role\":\"user\",\"content\":\"q1\"},{\"role\":"
              "\"assistant\",\"content\":\"a1\"},{\"role\":\"user\",\"content\":\"q2\"},{\"role\":"
              "\"assistant\",\"content\":\"a2\"}]}\n" GOOD("3") "\n" GOOD("4") "\n" GOOD("5")),
        NULL);
    judge(c, 3, "near", VERDICT_REMOVE, 1, 0.9);
    judge(c, 4, "short", VERDICT_REMOVE, 0, (double)NAN);
    violations = 0;
    for (const struct format *const *f = formats; *f != NULL; f++) {
        get(state, c, (*f)->name, SAMPLES_ALL, &out);
        buf_clear(&array);
        if (!(*f)->array) { /* lines into an array */
            buf_char(&array, '[');
            for (size_t i = 0; i + 1 < out.len; i++)
                buf_char(&array, out.data[i] == '\n' ? ',' : out.data[i]);
            buf_char(&array, ']');
        } else {
            buf_slice(&array, buf_view(&out));
        }
        valid_rows((*f)->name, buf_view(&array));
    }
    assert_int_equal(violations, 0);
    buf_free(&out);
    buf_free(&array);
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
        scratch_test(test_exact_jsonl),
        scratch_test(test_exact_alpaca),
        scratch_test(test_exact_sharegpt),
        scratch_test(test_exact_messages),
        scratch_test(test_exports_keep_their_schemas),
        scratch_test(test_decisions),
        scratch_test(test_left_out),
        scratch_test(test_failing_output),
        scratch_test(test_real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
