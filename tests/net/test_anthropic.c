/* The anthropic provider: bodies byte for byte, recorded replies, the table of errors, its headers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "net/limits.h"
#include "tests/net/replies.h"

static const struct net_params plain = {.model = "m",
                                        .max_tokens = 9,
                                        .temperature = (double)NAN,
                                        .top_p = (double)NAN,
                                        .seed = -1,
                                        .n = 1,
                                        .top_logprobs = -1};
static const struct net_provider *provider(void)
{
    return net_provider_find("anthropic");
}

/* The body, or why there is none. */
static const char *body_in(struct net_request q, struct net_dialect d)
{
    static struct buf out;
    static struct error error;
    buf_free(&out);
    out = BUF;
    return provider()->body(&q, &d, &out, &error) ? error.text : buf_text(&out);
}

/* A conversation, asked with these. */
static const char *body_with(const struct net_params *p, struct net_dialect d)
{
    struct net_message turns[] = {{SLICE("system"), SLICE("be brief")},
                                  {SLICE("user"), SLICE("\"hi\"")},
                                  {SLICE("assistant"), SLICE("hello")},
                                  {SLICE("user"), SLICE("2+2?")}};
    struct net_request q = {.messages = turns, .n_messages = 4, .params = p};
    return body_in(q, d);
}

static const char *body_of(const struct net_params *p)
{
    return body_with(p, (struct net_dialect){0});
}

static const char *body_json(const char *messages)
{
    struct net_request q = {.messages_json = slice_of(messages), .params = &plain};
    return body_in(q, (struct net_dialect){0});
}

#define HEAD                                                                                       \
    "{\"model\":\"m\",\"system\":\"be brief\",\"messages\":[{\"role\":\"user\",\"content\":"       \
    "\"\\\"hi\\\"\"},{\"role\":\"assistant\",\"content\":\"hello\"},{\"role\":\"user\","           \
    "\"content\":\"2+2?\"}],\"max_tokens\":9"

static void test_bodies(void **state)
{
    struct net_params p = plain;
    (void)state;
    assert_string_equal(body_of(&p), HEAD "}");
    struct json *stop = json_parse(SLICE("\"END\""), 0, NULL);
    struct json *stops = json_parse(SLICE("[\"a\",\"b\"]"), 0, NULL);
    struct json *schema = json_parse(SLICE("{\"type\":\"object\"}"), 0, NULL);
    p.temperature = 1;
    p.top_p = 0.5;
    p.seed = 7; /* the API has none */
    p.stop = stop;
    assert_string_equal(body_of(&p),
                        HEAD ",\"temperature\":1,\"top_p\":0.5,\"stop_sequences\":[\"END\"]}");
    p = plain;
    p.stop = stops;
    p.schema = schema;
    p.reasoning_effort = "low";
    assert_string_equal(body_of(&p),
                        HEAD ",\"stop_sequences\":[\"a\",\"b\"],\"output_config\":{\"effort\":"
                             "\"low\",\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":"
                             "\"object\"}}}}");
    p = plain;
    p.schema = schema;
    assert_string_equal(body_with(&p, (struct net_dialect){.no_schema = true}), HEAD "}");
    json_free(stop);
    json_free(stops);
    json_free(schema);
}

/* teacher.body has the last word; while thinking there is no temperature. */
static void test_extra(void **state)
{
    struct net_params p = plain;
    (void)state;
    p.temperature = 0.7;
    struct json *extra = json_parse(
        SLICE("{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"top_k\":5}"), 0, NULL);
    p.extra = extra;
    assert_string_equal(body_of(&p), HEAD
                        ",\"thinking\":{\"budget_tokens\":2000,\"type\":\"enabled\"},\"top_k\":5}");
    json_free(extra);
    extra =
        json_parse(SLICE("{\"thinking\":{\"type\":\"disabled\"},\"system\":\"mine\"}"), 0, NULL);
    p.extra = extra;
    assert_non_null(strstr(body_of(&p), ",\"temperature\":0.7,"));
    assert_null(strstr(body_of(&p), "be brief"));
    assert_non_null(strstr(body_of(&p), ",\"system\":\"mine\"}"));
    json_free(extra);
}

static void test_messages_json(void **state)
{
    (void)state;
    assert_string_equal(
        body_json("[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"developer\",\"content\":"
                  "[{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}]},"
                  "{\"role\":\"user\",\"name\":\"joe\",\"content\":[{\"type\":\"text\",\"text\":"
                  "\"q\"}]}]"),
        "{\"model\":\"m\",\"system\":\"a\\n\\nbc\",\"messages\":[{\"role\":\"user\",\"content\":"
        "[{\"text\":\"q\",\"type\":\"text\"}]}],\"max_tokens\":9}");
    assert_non_null(strstr(body_json("[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\","
                                     "\"content\":\"b\"}]"),
                           "system messages come first"));
    assert_non_null(strstr(body_json("[{\"role\":\"tool\",\"content\":\"b\"}]"), "\"tool\""));
    assert_non_null(strstr(body_json("[{\"role\":\"user\"}]"), "without content"));
    assert_non_null(strstr(body_json("[{\"role\":\"user\",\"content\":null}]"), "without content"));
    assert_non_null(strstr(body_json("[7]"), "without content"));
    assert_non_null(strstr(body_json("[]"), "no message"));
    assert_non_null(strstr(body_json("[{\"role\":\"system\",\"content\":\"a\"}]"), "no message"));
    assert_non_null(strstr(body_json("[{"), "messages: "));
}

static void test_what_it_cannot_say(void **state)
{
    struct net_params p = plain;
    struct net_request raw = {.prompt = SLICE("x"), .params = &plain};
    (void)state;
    assert_non_null(strstr(body_in(raw, (struct net_dialect){0}), "openai-completions"));
    p.max_tokens = 0;
    assert_non_null(strstr(body_of(&p), "needs gen.max_tokens"));
    p = plain;
    p.n = 2;
    assert_non_null(strstr(body_of(&p), "gen.samples"));
    p = plain;
    p.top_logprobs = 0;
    assert_non_null(strstr(body_of(&p), "no logprobs"));
    p = plain;
    p.temperature = 1.5;
    assert_non_null(strstr(body_of(&p), "from 0 to 1"));
}

static struct net_choice *read_file(const char *name, struct buf *text, struct net_reply *r)
{
    struct net_failure f;
    *text = reply_file(name);
    assert_int_equal(provider()->reply(buf_view(text), r, &f), 0);
    assert_int_equal(r->n_choices, 1);
    return &r->choices[0];
}

static void test_thinking(void **state)
{
    struct buf text;
    struct net_reply r;
    (void)state;
    const struct net_choice *c = read_file("anthropic_thinking.json", &text, &r);
    assert_true(slice_is(c->text, "It is 42."));
    assert_true(slice_is(c->reasoning, "6 times 7\xE2\x80\xA6 "));
    assert_true(slice_is(c->finish_reason, "stop"));
    assert_null(c->refusal.data);
    assert_null(c->tool_calls.data);
    assert_int_equal(net_choice_cause(c), NET_OK);
    assert_true(slice_is(r.model, "claude-sonnet-4-5-20250929"));
    assert_true(r.usage.given);
    assert_int_equal(r.usage.input, 2112); /* what went through the cache is input, too */
    assert_int_equal(r.usage.cached, 2000);
    assert_int_equal(r.usage.surcharge, 25); /* a quarter of the 100 that were written */
    assert_int_equal(r.usage.output, 57);
    net_reply_free(&r);
    buf_free(&text);
}

static void test_tools_and_refusal(void **state)
{
    struct buf text;
    struct net_reply r;
    (void)state;
    const struct net_choice *c = read_file("anthropic_tool.json", &text, &r);
    assert_true(slice_is(c->finish_reason, "tool_calls"));
    struct json *calls = json_parse(c->tool_calls, 0, NULL);
    assert_int_equal(json_count(calls), 2);
    assert_string_equal(json_text(json_path(calls, "0.function.arguments"), ""),
                        "{\"city\":\"Z\xC3\xBCrich\",\"days\":2}");
    assert_string_equal(json_text(json_path(calls, "1.function.name"), ""), "now");
    json_free(calls);
    net_reply_free(&r);
    buf_free(&text);
    c = read_file("anthropic_refusal.json", &text, &r);
    assert_int_equal(net_choice_cause(c), NET_REFUSAL);
    assert_int_equal(r.usage.output, 4); /* refused, and billed */
    net_reply_free(&r);
    buf_free(&text);
}

static void test_stop_reasons(void **state)
{
    static const struct {
        const char *stop, *finish;
        enum net_cause cause;
    } cases[] = {{"\"end_turn\"", "stop", NET_OK},
                 {"\"stop_sequence\"", "stop", NET_OK},
                 {"\"max_tokens\"", "length", NET_OK},
                 {"\"model_context_window_exceeded\"", "length", NET_OK},
                 {"\"pause_turn\"", "length", NET_OK},
                 {"\"tool_use\"", "tool_calls", NET_OK},
                 {"\"refusal\"", "stop", NET_REFUSAL},
                 {"\"something_new\"", "something_new", NET_OK},
                 {"null", "", NET_OK},
                 {"7", "", NET_OK}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = BUF;
        struct net_reply r;
        struct net_failure f;
        buf_printf(&text, "{\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"stop_reason\":%s}",
                   cases[i].stop);
        assert_int_equal(provider()->reply(buf_view(&text), &r, &f), 0);
        assert_true(slice_is(r.choices[0].finish_reason, cases[i].finish) ||
                    (!cases[i].finish[0] && !r.choices[0].finish_reason.len));
        assert_int_equal(net_choice_cause(&r.choices[0]), cases[i].cause);
        assert_false(r.usage.given);
        net_reply_free(&r);
        buf_free(&text);
    }
}

static void test_malformed(void **state)
{
    static const char *const wrong[] = {
        "",
        "null",
        "[]",
        "{}",
        "<html>busy</html>",
        "{\"content\":\"a\"}",
        "{\"content\":{}}",
        "{\"content\":[\"a\"]}",
        "{\"content\":[{\"text\":\"a\"}]}",
        "{\"content\":[{\"type\":7,\"text\":\"a\"}]}",
        "{\"content\":[{\"type\":\"text\"}]}",
        "{\"content\":[{\"type\":\"text\",\"text\":null}]}",
        "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"thinking\"}]}",
        "{\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"b\"}]}",
        "{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]"};
    struct net_reply r;
    struct net_failure f;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(provider()->reply(slice_of(wrong[i]), &r, &f), -1);
        assert_int_equal(f.cause, NET_MALFORMED);
        assert_true(f.message[0] != '\0');
        net_reply_free(&r);
    }
    struct buf deep = BUF;
    for (int i = 0; i < 100000; i++)
        buf_str(&deep, "{\"content\":[");
    assert_int_equal(provider()->reply(buf_view(&deep), &r, &f), -1);
    assert_int_equal(f.cause, NET_MALFORMED);
    net_reply_free(&r);
    buf_free(&deep);
    /* no text, no block, only thinking, a kind of block nobody knows: no answer, and it says so */
    static const char *const empty[] = {
        "{\"content\":[]}", "{\"content\":[{\"type\":\"text\",\"text\":\" \"}]}",
        "{\"content\":[{\"type\":\"thinking\",\"thinking\":\"x\"}],\"stop_reason\":\"max_tokens\"}",
        "{\"content\":[{\"type\":\"hologram\",\"text\":\"x\"}]}"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        assert_int_equal(provider()->reply(slice_of(empty[i]), &r, &f), 0);
        assert_int_equal(net_choice_cause(&r.choices[0]), NET_EMPTY);
        net_reply_free(&r);
    }
    /* numbers of the bill that cannot be */
    assert_int_equal(provider()->reply(SLICE("{\"content\":[],\"usage\":{\"input_tokens\":-5,"
                                             "\"output_tokens\":1e30,\"cache_read_input_tokens\":"
                                             "\"9\"}}"),
                                       &r, &f),
                     0);
    assert_int_equal(r.usage.input + r.usage.output + r.usage.cached, 0);
    net_reply_free(&r);
}

static void test_damaged(void **state)
{
    static const char *const files[] = {"anthropic_thinking.json", "anthropic_tool.json",
                                        "anthropic_refusal.json"};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct buf text = reply_file(files[i]);
        assert_true(reply_damage(provider(), slice_trim(buf_view(&text))) > text.len - 3);
        buf_free(&text);
    }
}

static const struct {
    int status;
    const char *type, *message;
    enum net_cause cause;
    const char *parameter;
} errors[] = {
    {400, "invalid_request_error", "bad", NET_BAD_REQUEST, ""},
    {401, "authentication_error", "invalid x-api-key", NET_AUTH, ""},
    {402, "billing_error", "m", NET_QUOTA, ""},
    {403, "permission_error", "m", NET_AUTH, ""},
    {404, "not_found_error", "model: claude-9", NET_MODEL, ""},
    {409, "conflict_error", "m", NET_CONFLICT, ""},
    {413, "request_too_large", "m", NET_CONTEXT_LENGTH, ""},
    {429, "rate_limit_error", "m", NET_RATE_LIMIT, ""},
    {500, "api_error", "Internal server error", NET_SERVER_ERROR, ""},
    {504, "timeout_error", "m", NET_SERVER_ERROR, ""},
    {529, "overloaded_error", "Overloaded", NET_OVERLOADED, ""},
    {200, "overloaded_error", "Overloaded", NET_OVERLOADED, ""}, /* by way of a proxy */
    {529, "news_to_us", "m", NET_OVERLOADED, ""},
    {404, "invalid_request_error", "no such path", NET_MODEL, ""},
    {405, "invalid_request_error", "Method Not Allowed", NET_MODEL, ""},
    {400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.",
     NET_QUOTA, ""},
    {400, "invalid_request_error", "You have reached your specified API usage limits.", NET_QUOTA,
     ""},
    {400, "invalid_request_error", "prompt is too long: 204535 tokens > 200000 maximum",
     NET_CONTEXT_LENGTH, ""},
    {400, "invalid_request_error",
     "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
     NET_CONTEXT_LENGTH, ""},
    {400, "invalid_request_error", "Output blocked by content filtering policy", NET_CONTENT_FILTER,
     ""},
    {400, "invalid_request_error", "max_tokens: 99999 > 8192, which is the maximum", NET_PARAMETER,
     "max_tokens"},
    {400, "invalid_request_error", "`temperature` and `top_p` cannot both be specified",
     NET_PARAMETER, "temperature"},
    {400, "invalid_request_error", "top_kk: Extra inputs are not permitted", NET_PARAMETER,
     "top_kk"},
    {400, "invalid_request_error", "messages.1.content: text must be non-empty", NET_BAD_REQUEST,
     "messages.1.content"},
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct buf text = BUF;
        struct net_failure f;
        buf_printf(&text,
                   "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"},"
                   "\"request_id\":\"req_1\"}",
                   errors[i].type, errors[i].message);
        provider()->failure(errors[i].status, buf_view(&text), &f);
        if (f.cause != errors[i].cause)
            print_error("%s: %s\n", errors[i].message, net_cause_name(f.cause));
        assert_int_equal(f.cause, errors[i].cause);
        assert_string_equal(f.message, errors[i].message);
        assert_string_equal(f.parameter, errors[i].parameter);
        struct net_reply r; /* the same under status 200 */
        assert_int_equal(provider()->reply(buf_view(&text), &r, &f), -1);
        assert_string_equal(f.message, errors[i].message);
        net_reply_free(&r);
        buf_free(&text);
    }
}

static void test_odd_errors(void **state)
{
    struct net_failure f;
    (void)state;
    provider()->failure(429,
                        SLICE("{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\","
                              "\"message\":\"m\",\"details\":{\"error_code\":"
                              "\"enforced_spend_limit_reached\"}}}"),
                        &f);
    assert_int_equal(f.cause, NET_QUOTA); /* waiting does not help */
    provider()->failure(502, SLICE("<html>\nbad gateway\x01</html>"), &f);
    assert_int_equal(f.cause, NET_SERVER_ERROR);
    assert_string_equal(f.message, "<html> bad gateway </html>");
    provider()->failure(529, SLICE(""), &f);
    assert_int_equal(f.cause, NET_OVERLOADED);
    assert_string_equal(f.message, "status 529 without a body");
    provider()->failure(307, SLICE("{\"error\":[]}"), &f);
    assert_int_equal(f.cause, NET_MODEL);
    provider()->failure(400, SLICE("{\"error\":{\"message\":\"`\"}}"), &f);
    assert_int_equal(f.cause, NET_BAD_REQUEST);
}

static void test_adapt(void **state)
{
    struct net_dialect sent = {0}, now = {0};
    struct net_failure effort = {NET_PARAMETER, "output_config.effort: unknown", "output_config"};
    struct net_failure format = {NET_PARAMETER, "output_config.format: not for this model", ""};
    struct net_failure other = {NET_PARAMETER, "top_k: no", "top_k"};
    struct net_failure limited = {NET_RATE_LIMIT, "output_config", ""};
    (void)state;
    assert_false(provider()->adapt(&effort, &sent, &now));
    assert_false(provider()->adapt(&other, &sent, &now));
    assert_false(provider()->adapt(&limited, &sent, &now));
    assert_true(provider()->adapt(&format, &sent, &now));
    assert_true(now.no_schema);
    assert_false(provider()->adapt(&format, &now, &now)); /* it was sent without: give up */
}

static void test_headers(void **state)
{
    struct net_headers h = {.n = 0};
    struct error error = {0};
    struct net_limits l;
    (void)state;
    assert_int_equal(provider()->headers("k", &h, &error), 0);
    assert_int_equal(h.n, 3);
    assert_string_equal(h.line[1], "anthropic-version: 2023-06-01");
    assert_string_equal(h.line[2], "x-api-key: k");
    net_headers_free(&h);
    assert_int_equal(provider()->headers(NULL, &h, &error), 0);
    assert_int_equal(h.n, 2);
    net_headers_free(&h);
    limits_read(SLICE("HTTP/2 429\r\nanthropic-ratelimit-requests-limit: 50\r\n"
                      "anthropic-ratelimit-requests-remaining: 0\r\n"
                      "anthropic-ratelimit-requests-reset: 2026-01-02T03:04:35Z\r\n"
                      "anthropic-ratelimit-tokens-limit: 90000\r\n"
                      "anthropic-ratelimit-tokens-remaining: 90000\r\n"
                      "anthropic-ratelimit-tokens-reset: 2026-01-02T03:04:05Z\r\n"
                      "anthropic-ratelimit-output-tokens-limit: 10000\r\n"
                      "anthropic-ratelimit-output-tokens-remaining: 400\r\n"
                      "anthropic-ratelimit-output-tokens-reset: 2026-01-02T03:05:05+00:00\r\n"
                      "retry-after: 30\r\n"),
                (int64_t)1767323045 * 1000, &l); /* 2026-01-02T03:04:05Z */
    assert_int_equal((int)l.kind[LIMIT_REQUESTS].limit, 50);
    assert_int_equal((int)l.kind[LIMIT_REQUESTS].remaining, 0);
    assert_int_equal((int)l.kind[LIMIT_REQUESTS].reset_s, 30);
    assert_int_equal((int)l.kind[LIMIT_TOKENS].reset_s, 0);
    assert_int_equal((int)l.kind[LIMIT_OUTPUT_TOKENS].remaining, 400);
    assert_int_equal((int)l.kind[LIMIT_OUTPUT_TOKENS].reset_s, 60);
    assert_int_equal((int)l.retry_after_s, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),        cmocka_unit_test(test_extra),
        cmocka_unit_test(test_messages_json), cmocka_unit_test(test_what_it_cannot_say),
        cmocka_unit_test(test_thinking),      cmocka_unit_test(test_tools_and_refusal),
        cmocka_unit_test(test_stop_reasons),  cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_damaged),       cmocka_unit_test(test_errors),
        cmocka_unit_test(test_odd_errors),    cmocka_unit_test(test_adapt),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
