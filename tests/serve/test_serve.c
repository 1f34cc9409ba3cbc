/*
 * The server over real sockets: a tiny random model, whole and streamed replies, faults, keys,
 * concurrency, constrained JSON, a clean end.
 */
#include "tests/serve/served.h"

/* -- tests ----------------------------------------------------------------------------------- */

static void test_small_endpoints(void **state)
{
    struct buf out = BUF;
    int status;
    struct json *j;
    (void)state;
    assert_int_equal(ask("GET", "/health", NULL, NULL, &out), 200);
    assert_non_null(strstr(buf_text(&out), "{\"status\":\"ok\"}"));
    buf_clear(&out);
    assert_int_equal(ask("HEAD", "/health", NULL, NULL, &out), 200);
    assert_null(strstr(buf_text(&out), "{"));
    buf_clear(&out);
    assert_int_equal(ask("GET", "/v1/models", NULL, NULL, &out), 401);
    buf_clear(&out);
    assert_int_equal(ask("GET", "/v1/models", "sesamE", NULL, &out), 401);
    buf_clear(&out);
    assert_int_equal(ask("GET", "/metrics", "sesame", NULL, &out), 200);
    assert_non_null(strstr(buf_text(&out), "retort_generation_tokens_total"));
    buf_free(&out);
    j = ask_json("/v1/models", NULL, &status);
    assert_true(slice_is(json_string(json_path(j, "data.0.id")), "tiny"));
    json_free(j);
    j = ask_json("/v1/models/tiny", NULL, &status);
    assert_int_equal(status, 200);
    assert_true(slice_is(json_string(json_get(j, "id")), "tiny"));
    json_free(j);
    j = ask_json("/v1/models/large", NULL, &status);
    assert_int_equal(status, 404);
    assert_true(slice_is(json_string(json_path(j, "error.code")), "model_not_found"));
    json_free(j);
    j = ask_json("/tokenize", "{\"content\":\"the fox\"}", &status);
    assert_true(json_count(json_get(j, "tokens")) > 0);
    json_free(j);
    j = ask_json("/detokenize", "{\"tokens\":[104,106]}", &status);
    assert_int_equal(status, 200);
    json_free(j);
}

static const char chat[] = "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"the "
                           "fox\"}],\"max_tokens\":12,\"seed\":3,\"ignore_eos\":true";

static void test_chat_is_repeatable(void **state)
{
    struct buf body = BUF;
    struct json *a, *b;
    int status;
    (void)state;
    buf_printf(&body, "%s,\"logprobs\":true,\"top_logprobs\":3,\"n\":3}", chat);
    a = ask_json("/v1/chat/completions", buf_text(&body), &status);
    assert_int_equal(status, 200);
    assert_int_equal(json_count(json_get(a, "choices")), 3);
    assert_int_equal((int)json_number(json_path(a, "usage.completion_tokens"), 0), 36);
    assert_int_equal(json_count(json_path(a, "choices.1.logprobs.content")), 12);
    assert_int_equal(json_count(json_path(a, "choices.1.logprobs.content.4.top_logprobs")), 3);
    b = ask_json("/v1/chat/completions", buf_text(&body), &status);
    assert_true(json_equal(json_get(a, "choices"), json_get(b, "choices")));
    json_free(a);
    json_free(b);
    buf_free(&body);
}

static void test_stream_says_the_same(void **state)
{
    struct buf body = BUF, out = BUF, text = BUF;
    struct error error = {0};
    struct json *whole;
    int status, chunks = 0;
    (void)state;
    buf_printf(&body, "%s}", chat);
    whole = ask_json("/v1/chat/completions", buf_text(&body), &status);
    buf_clear(&body);
    buf_printf(&body, "%s,\"stream\":true,\"stream_options\":{\"include_usage\":true}}", chat);
    assert_int_equal(ask("POST", "/v1/chat/completions", "sesame", buf_text(&body), &out), 200);
    assert_non_null(strstr(buf_text(&out), "data: [DONE]"));
    assert_non_null(strstr(buf_text(&out), "\"usage\":"));
    for (const char *p = strstr(buf_text(&out), "data: {"); p != NULL; p = strstr(p, "data: {")) {
        const char *end = strstr(p, "\n\n");
        struct json *chunk = json_parse(slice_from(p + 6, (size_t)(end - p - 6)), 0, &error);
        assert_non_null(chunk);
        buf_slice(&text, json_string(json_path(chunk, "choices.0.delta.content")));
        chunks++;
        json_free(chunk);
        p = end;
    }
    assert_true(chunks > 3);
    assert_true(slice_equal(buf_view(&text), content_of(whole)));
    json_free(whole);
    buf_free(&body);
    buf_free(&out);
    buf_free(&text);
}

static void test_completions(void **state)
{
    int status;
    struct json *j = ask_json("/v1/completions",
                              "{\"prompt\":[\"the fox\",\"a dog\"],\"max_tokens\":5,\"echo\":true,"
                              "\"temperature\":0,\"ignore_eos\":true}",
                              &status);
    (void)state;
    assert_int_equal(status, 200);
    assert_int_equal(json_count(json_get(j, "choices")), 2);
    assert_true(slice_starts(json_string(json_path(j, "choices.1.text")), "a dog"));
    assert_true(slice_is(json_string(json_path(j, "choices.1.finish_reason")), "length"));
    json_free(j);
    j = ask_json("/v1/completions",
                 "{\"prompt\":\"the fox\",\"max_tokens\":5,\"logprobs\":2,\"temperature\":0,"
                 "\"ignore_eos\":true}",
                 &status);
    assert_int_equal(json_count(json_path(j, "choices.0.logprobs.tokens")), 5);
    assert_int_equal(json_count(json_path(j, "choices.0.logprobs.token_logprobs")), 5);
    json_free(j);
}

static double scored(const struct json *j, size_t token)
{
    return json_number(json_at(json_path(j, "choices.0.logprobs.token_logprobs"), token), 1);
}

/* With echo and logprobs a given text is scored: the numbers are those it was written with, and
 * the offsets lead through the text. */
static void test_scoring(void **state)
{
    static const char body[] = "{\"prompt\":[5,9,11],\"max_tokens\":4,\"echo\":true,\"logprobs\":2,"
                               "\"temperature\":0,\"ignore_eos\":true}";
    int status;
    struct json *wrote = ask_json("/v1/completions", body, &status), *again;
    const struct json *tokens = json_path(wrote, "choices.0.logprobs.tokens");
    const struct json *offsets = json_path(wrote, "choices.0.logprobs.text_offset");
    int64_t at, next;
    (void)state;
    assert_int_equal(status, 200);
    assert_int_equal(json_count(tokens), 7);
    assert_int_equal(json_type(json_path(wrote, "choices.0.logprobs.token_logprobs.0")), JSON_NULL);
    for (size_t i = 0; i + 1 < 7; i++) {
        assert_int_equal(json_integer(json_at(offsets, i), &at), 0);
        assert_int_equal(json_integer(json_at(offsets, i + 1), &next), 0);
        assert_true(next >= at);
    }
    for (size_t i = 1; i < 7; i++)
        assert_true(scored(wrote, i) <= 0);
    again =
        ask_json("/v1/completions",
                 "{\"prompt\":[5,9,11],\"max_tokens\":0,\"echo\":true,\"logprobs\":0}", &status);
    assert_int_equal(status, 200);
    assert_int_equal(json_count(json_path(again, "choices.0.logprobs.tokens")), 3);
    for (size_t i = 1; i < 3; i++)
        assert_true(fabs(scored(again, i) - scored(wrote, i)) < 1e-5);
    json_free(again);
    again = ask_json("/v1/completions",
                     "{\"prompt\":[5],\"max_tokens\":0,\"echo\":true,\"logprobs\":1}", &status);
    assert_int_equal(json_count(json_path(again, "choices.0.logprobs.tokens")), 1);
    json_free(again);
    json_free(wrote);
}

/* A random model writes JSON when it must. */
static void test_constrained(void **state)
{
    static const char schema[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"seed\":5,\"max_tokens\":200,"
        "\"temperature\":1.5,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
        "\"name\":\"t\",\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[\"x\","
        "\"yy\"]},\"b\":{\"type\":\"boolean\"}},\"required\":[\"a\",\"b\"]}}}}";
    int status;
    struct json *reply, *j = ask_json("/v1/chat/completions", schema, &status);
    struct error error = {0};
    (void)state;
    assert_int_equal(status, 200);
    assert_true(slice_is(json_string(json_path(j, "choices.0.finish_reason")), "stop"));
    reply = json_parse(content_of(j), 0, &error);
    assert_non_null(reply);
    assert_non_null(json_string(json_get(reply, "a")).data);
    json_free(reply);
    json_free(j);
}

/* The words of a reply to these messages, at temperature 0. */
static char *reply_to(const char *messages)
{
    struct buf body = BUF;
    struct json *j;
    char *words;
    int status;
    buf_printf(&body, "{\"messages\":%s,\"max_tokens\":12,\"temperature\":0,\"ignore_eos\":true}",
               messages);
    j = ask_json("/v1/chat/completions", buf_text(&body), &status);
    assert_int_equal(status, 200);
    words = mem_strdup(json_text(json_path(j, "choices.0.message.content"), ""));
    json_free(j);
    buf_free(&body);
    return words;
}

static void same_reply(const char *a, const char *b)
{
    char *x = reply_to(a), *y = reply_to(b);
    assert_string_equal(x, y);
    mem_free(x);
    mem_free(y);
}

/* Contents in parts are their texts, and developers speak as the system. */
static void test_messages(void **state)
{
    (void)state;
    same_reply("[{\"role\":\"user\",\"content\":\"the fox\\nthe dog\"}]",
               "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"the fox\"},"
               "{\"type\":\"text\",\"text\":\"the dog\"}]}]");
    same_reply("[{\"role\":\"system\",\"content\":\"lazy\"},{\"role\":\"user\",\"content\":"
               "\"the fox\"}]",
               "[{\"role\":\"developer\",\"content\":\"lazy\"},{\"role\":\"user\",\"content\":"
               "\"the fox\"}]");
}

static void refused(const char *body, int expected, const char *param)
{
    int status;
    struct json *j = ask_json("/v1/chat/completions", body, &status);
    assert_int_equal(status, expected);
    assert_non_null(json_string(json_path(j, "error.message")).data);
    if (param != NULL)
        assert_true(slice_is(json_string(json_path(j, "error.param")), param));
    json_free(j);
}

static void test_bad_requests(void **state)
{
    struct buf out = BUF, body = BUF;
    (void)state;
    refused("{", 400, NULL);
    refused("[]", 400, NULL);
    refused("{}", 400, "messages");
    refused("{\"messages\":[]}", 400, "messages");
    refused("{\"messages\":[\"hello\"]}", 400, "messages[0]");
    refused("{\"messages\":[{\"content\":\"x\"}]}", 400, "messages[0].role");
    refused("{\"messages\":[{\"role\":\"user\"}]}", 400, "messages[0].content");
    refused("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\",\"content\":"
            "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:\"}}]}]}",
            400, "messages[1].content");
    refused("{\"messages\":[{\"role\":\"user\",\"content\":[]}]}", 400, "messages[0].content");
    refused("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":\"hot\"}", 400,
            "temperature");
    refused("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":0}", 400, "n");
    refused("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stop\":[1]}", 400, "stop");
    refused("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{}]}", 400, "tools");
    refused(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"response_format\":{\"type\":"
        "\"json_schema\",\"json_schema\":{\"schema\":{\"type\":\"string\",\"pattern\":\"a\"}}}}",
        400, "response_format");
    buf_str(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
    for (int i = 0; i < 2000; i++)
        buf_str(&body, "the fox ");
    buf_str(&body, "\"}]}");
    refused(buf_text(&body), 400, "messages");
    assert_int_equal(ask("GET", "/nowhere", "sesame", NULL, &out), 404);
    buf_clear(&out);
    assert_int_equal(ask("GET", "/v1/completions", "sesame", NULL, &out), 405);
    buf_free(&out);
    buf_free(&body);
}

static void test_too_large(void **state)
{
    const size_t size = 9 << 20;
    struct buf out = BUF;
    char *big = mem_alloc(size + 1);
    (void)state;
    memset(big, ' ', size);
    big[size] = '\0';
    assert_int_equal(ask("POST", "/tokenize", "sesame", big, &out), 413);
    mem_free(big);
    buf_free(&out);
}

enum { CLIENTS = 12 };

static void *client(void *context)
{
    struct buf body = BUF;
    int status;
    struct json *j;
    buf_printf(&body, "%s}", chat);
    j = ask_json("/v1/chat/completions", buf_text(&body), &status);
    *(struct json **)context = j;
    buf_free(&body);
    return NULL;
}

/* More clients than slots, all with one seed: all get the same words. */
static void test_concurrent(void **state)
{
    pthread_t ids[CLIENTS];
    struct json *answers[CLIENTS];
    (void)state;
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&ids[i], NULL, client, &answers[i]);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(ids[i], NULL);
    for (int i = 1; i < CLIENTS; i++)
        assert_true(slice_equal(content_of(answers[0]), content_of(answers[i])));
    for (int i = 0; i < CLIENTS; i++)
        json_free(answers[i]);
}

/* A client that goes away in the middle of a stream costs nothing more. */
static void test_gone(void **state)
{
    static const char request[] =
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sesame\r\n"
        "Content-Length: 68\r\n\r\n"
        "{\"prompt\":\"the\",\"max_tokens\":240,\"stream\":true,\"ignore_eos\":true   }";
    char chunk[64];
    (void)state;
    for (int i = 0; i < 6; i++) {
        const int fd = dial();
        assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
        assert_true(read(fd, chunk, sizeof chunk) > 0);
        close(fd);
    }
    test_chat_is_repeatable(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_endpoints),
        cmocka_unit_test(test_chat_is_repeatable),
        cmocka_unit_test(test_stream_says_the_same),
        cmocka_unit_test(test_completions),
        cmocka_unit_test(test_scoring),
        cmocka_unit_test(test_constrained),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_concurrent),
        cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
