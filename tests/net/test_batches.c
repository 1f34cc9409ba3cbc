/* What batches say, in the forms the providers document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/batches.h"

#include <stdio.h>
#include <string.h>

static struct net_batch batch_of(const struct net_batches *how, const char *text)
{
    struct net_batch b;
    struct net_failure f;
    assert_int_equal(how->read(slice_of(text), &b, &f), 0);
    return b;
}

static struct net_batch_line line_of(const struct net_batches *how, const char *text)
{
    struct net_batch_line l;
    struct net_failure f;
    assert_int_equal(how->answer(slice_of(text), &l, &f), 0);
    return l;
}

static void test_openai_batch(void **state)
{
    (void)state;
    struct net_batch b = batch_of(
        &batches_openai,
        "{\"id\":\"batch_abc\",\"object\":\"batch\",\"endpoint\":\"/v1/chat/"
        "completions\",\"errors\":"
        "null,\"input_file_id\":\"file-in\",\"completion_window\":\"24h\",\"status\":\"expired\","
        "\"output_file_id\":\"file-out\",\"error_file_id\":\"file-err\",\"created_at\":1711471533,"
        "\"request_counts\":{\"total\":100,\"completed\":95,\"failed\":5},\"metadata\":{\"retort\":"
        "\"retort-1\"}}");
    assert_int_equal(b.state, NET_BATCH_ENDED);
    assert_true(b.not_billed);
    assert_string_equal(b.file[0], "file-out");
    assert_string_equal(b.file[1], "file-err");
    assert_string_equal(b.tag, "retort-1");
    assert_int_equal(b.lines, 100);
    assert_int_equal(b.created_ms, 1711471533000);
    assert_int_equal(b.cause, NET_OK);
    static const char *const working[] = {"validating", "in_progress", "finalizing", "cancelling"};
    for (int i = 0; i < 4; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"id\":\"b\",\"status\":\"%s\"}", working[i]);
        assert_int_equal(batch_of(&batches_openai, text).state, NET_BATCH_WORKING);
    }
}

static void test_openai_refused(void **state)
{
    static const struct {
        const char *error;
        enum net_cause cause;
    } cases[] = {
        {"{\"code\":\"invalid_json_line\",\"message\":\"m\",\"line\":3}", NET_BAD_REQUEST},
        {"{\"code\":\"token_limit_exceeded\",\"message\":\"m\",\"line\":null}", NET_RATE_LIMIT},
        {"{\"code\":\"model_not_found\",\"message\":\"m\"}", NET_MODEL},
        {"{\"code\":\"billing_hard_limit_reached\",\"message\":\"m\"}", NET_QUOTA},
        {"{\"code\":\"mismatched_model\",\"message\":\"m\"}", NET_PARAMETER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"id\":\"b\",\"status\":\"failed\",\"errors\":{\"data\":[%s]}}", cases[i].error);
        struct net_batch b = batch_of(&batches_openai, text);
        assert_int_equal(b.cause, cases[i].cause);
        assert_string_equal(b.message, "m");
    }
}

static void test_openai_lines(void **state)
{
    (void)state;
    struct net_batch_line l =
        line_of(&batches_openai,
                "{\"id\": \"r1\", \"custom_id\": \"k1\", \"response\": {\"status_code\": 200, "
                "\"request_id\": \"req_1\", \"body\": { \"a\" : \"}\\\"\" , \"b\":[1, 2]} }, "
                "\"error\": null}");
    assert_true(slice_is(l.key, "k1"));
    assert_int_equal(l.status, 200);
    assert_true(slice_is(l.request_id, "req_1"));
    assert_true(slice_is(l.body, "{ \"a\" : \"}\\\"\" , \"b\":[1, 2]}")); /* byte for byte */
    l = line_of(&batches_openai, "{\"custom_id\":\"k\",\"response\":{\"status_code\":429,\"body\":"
                                 "{\"error\":{}}},\"error\":null}");
    assert_int_equal(l.status, 429);
    l = line_of(&batches_openai, "{\"custom_id\":\"k\",\"response\":null,\"error\":{\"code\":"
                                 "\"batch_expired\",\"message\":\"late\"}}");
    assert_int_equal(l.status, 0);
    assert_int_equal(l.cause, NET_EXPIRED);
    assert_string_equal(l.message, "late");
    l = line_of(&batches_openai, "{\"custom_id\":\"k\",\"response\":null,\"error\":{\"code\":"
                                 "\"request_timeout\",\"message\":\"slow\"}}");
    assert_int_equal(l.cause, NET_SERVER_ERROR);
}

static void test_anthropic(void **state)
{
    (void)state;
    struct net_batch b = batch_of(
        &batches_anthropic,
        "{\"id\":\"msgbatch_1\",\"type\":\"message_batch\",\"processing_status\":\"ended\","
        "\"request_counts\":{\"processing\":0,\"succeeded\":50,\"errored\":30,\"canceled\":10,"
        "\"expired\":10},\"created_at\":\"2024-08-20T18:37:24Z\",\"results_url\":"
        "\"https://elsewhere.example/steal\"}");
    assert_int_equal(b.state, NET_BATCH_ENDED);
    assert_int_equal(b.lines, 100);
    assert_string_equal(b.file[0], "msgbatch_1"); /* not where results_url says */
    assert_int_equal(b.created_ms, 1724179044000);
    struct net_batch_line l =
        line_of(&batches_anthropic, "{\"custom_id\":\"k\",\"result\":{\"type\":\"succeeded\","
                                    "\"message\":{\"id\":\"msg\"}}}");
    assert_int_equal(l.status, 200);
    assert_true(slice_is(l.body, "{\"id\":\"msg\"}"));
    l = line_of(&batches_anthropic,
                "{\"custom_id\":\"k\",\"result\":{\"type\":\"errored\",\"error\":{\"type\":"
                "\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}}}");
    assert_int_equal(l.status, 529);
    l = line_of(&batches_anthropic, "{\"custom_id\":\"k\",\"result\":{\"type\":\"canceled\"}}");
    assert_int_equal(l.cause, NET_EXPIRED);
}

static int found;

static void count(void *context, const struct net_batch *b)
{
    (void)context;
    found += b->id[0] != '\0';
}

static void test_lists(void **state)
{
    char next[BATCHES_ID];
    struct net_failure f;
    (void)state;
    const char *page = "{\"data\":[{\"id\":\"a\"},{\"id\":\"b/../c\"},{\"id\":\"d\"}],\"has_more\":"
                       "true,\"last_id\":\"d\"}";
    assert_int_equal(batches_openai.list(slice_of(page), count, NULL, next, &f), 3);
    assert_int_equal(found, 2); /* a number that is a path is none */
    assert_string_equal(next, "d");
    assert_int_equal(batches_anthropic.list(SLICE("{\"data\":[],\"has_more\":false}"), count, NULL,
                                            next, &f),
                     0);
    assert_string_equal(next, "");
    assert_int_equal(batches_openai.list(SLICE("{}"), count, NULL, next, &f), -1);
    assert_int_equal(f.cause, NET_MALFORMED);
}

static void test_asking(void **state)
{
    struct buf out = BUF;
    const struct net_batch_order order = {SLICE("file-1"), "/v1/chat/completions", "24h", "t"};
    (void)state;
    batches_openai.line("k", "/v1/chat/completions", SLICE("{\"model\":\"m\"}"), &out);
    assert_string_equal(buf_text(&out), "{\"custom_id\":\"k\",\"method\":\"POST\",\"url\":"
                                        "\"/v1/chat/completions\",\"body\":{\"model\":\"m\"}}");
    buf_clear(&out);
    batches_openai.create(&order, &out);
    assert_string_equal(buf_text(&out), "{\"input_file_id\":\"file-1\",\"endpoint\":"
                                        "\"/v1/chat/completions\",\"completion_window\":\"24h\","
                                        "\"metadata\":{\"retort\":\"t\"}}");
    buf_clear(&out);
    batches_anthropic.line("k", "", SLICE("{\"model\":\"m\"}"), &out);
    assert_string_equal(buf_text(&out), "{\"custom_id\":\"k\",\"params\":{\"model\":\"m\"}}");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openai_batch), cmocka_unit_test(test_openai_refused),
        cmocka_unit_test(test_openai_lines), cmocka_unit_test(test_anthropic),
        cmocka_unit_test(test_lists),        cmocka_unit_test(test_asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
